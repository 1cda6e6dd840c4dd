"""The model card of the bundled model, written from what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

HEADER = """---
license: apache-2.0
language: en
library_name: latentopt
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
tags: [t5-vae, text-autoencoder, latent-space, tweets]
---

# The T5-VAE that comes with latentopt

A T5-VAE for short English texts: {parameters}, one latent vector of {latent_dim} dimensions, of which the
first {pooled_dim} say what a text means and the others copy it; at most {tokens} tokens. latentopt uses it when no
`--model` is given. It was adapted from SmolLM2-135M-Instruct (Hugging Face TB, Apache-2.0) as
`latentopt.model.adapt` tells, and trained by `experiments/bundled`. Its latents learned to tell the sentence
embeddings of all-MiniLM-L6-v2 (Apache-2.0).

| file | what |
|---|---|
| `model.quantized.safetensors`, `config.json` | the T5-VAE, in 4, 5 and 8 bits a weight |
| `tokenizer.json` | its byte-level BPE |
| `density.safetensors` | mean and covariance of the pooled latents of training tweets |
| `acceptability.safetensors` | what ratings of edits say of others (`experiments/edits`) |
| `heads/` | {heads}; each with its reader |
| `directions/` | {directions} |

## Data

Trained on {texts:,} draws from tweets of about 110 public accounts (2007 to 2019), labelled tweets (Sentiment140,
tweet_emotions, CrisisLex T6, t-davidson; those marked hate or offensive left out), Upworthy's headlines (CC BY 4.0) and
Reddit titles (umbrae/reddit-top-2.5-million, PDDL), all without texts that hold a word of better-profanity's list.
Heads: `likes` and `retweets` are fitted on the same tweets, `clicks` on the headlines, `sentiment` on Sentiment140,
`emotion` on tweet_emotions, `offensive` on all of t-davidson; directions on pairs: {pairs}. Several of the tweet
collections state no licence, and Sentiment140 is for academic use: the weights are statistics learned from these texts,
none of which is in this package; whoever needs clear terms trains a model of their own with `latentopt train`. Links
are the token `http` and mentions `@user`, here and in what it writes.

## How good it is

{metrics}

Heads: on a fifth of their rows that they have not seen, for likes and retweets within accounts, for clicks within tests
that they have not seen. One that is no better than a constant is left out. Edits: `experiments/edits`. Its judges are
relatives: SmolLM2 is what the model was adapted from, MiniLM taught its latents.

## Limits

- It was trained for seven minutes on one GPU, in which it saw a text 1.6 times: more would teach it more. Read what
  comes out.
- Written from its latent alone, a short text comes back whole or nearly so, a longer one changed.
- Who tweets decides most of the likes ({by_account:.0%} of the variance of their logarithm). The head predicts what
  the text adds for an account with given typical likes, and explains little of it: the intervals are wide because
  chance is. No edit *causes* likes; the head knows which texts had them.
- English of public figures, media, companies and labelled Twitter samples up to 2019, with their biases.

## Misuse

Not for writing in another person's name, for hiding abuse in civil words, or for campaigns of invented posts. The
directions change the tone of a text, not its intent.
"""
PAIRS = {
    "civil": "s-nlp/paradetox (CC0)",
    "positive": "SALT-NLP/positive-frames (CC BY-SA 4.0)",
    "literal": "Lotemp/SarcasmSIGN (Peled and Reichart 2017)",
    "shakespeare": "harsh19/Shakespearizing-Modern-English (no licence stated)",
    "standard_spelling": "W-NUT 2015's lexical normalisation (shared-task terms)",
}
MEASURES = (("r2", "R²"), ("accuracy", "accuracy"))
MODELS = ("head", "reader", "stacked", "tfidf_ridge", "tfidf_logistic")


def write_card(folder: Path, results: dict[str, Any]) -> None:
    """Write README.md into the model's folder."""
    from latentopt import LatentSpace
    from latentopt.directions import bundled_directions
    from latentopt.heads import bundled_heads

    space = LatentSpace.from_pretrained(folder)
    millions = sum(p.numel() for p in space.model.parameters()) / 1e6
    text = HEADER.format(
        parameters=f"{millions:.0f} million parameters",
        latent_dim=space.latent_dim,
        pooled_dim=space.pooled_dim,
        tokens=space.max_tokens,
        heads=", ".join(bundled_heads(space)),
        directions=", ".join(bundled_directions(space)),
        pairs="; ".join(f"`{name}` on {PAIRS[name]}" for name in bundled_directions(space)),
        texts=results["training"]["texts"],
        metrics="\n".join(["| what | figure |", "|---|---|", *_rows(results)]),
        by_account=results["parts"]["likes"]["explained_by_group"],
    )
    (folder / "README.md").write_text(text)


def _rows(results: dict[str, Any]) -> list[str]:
    found = results["measured"]
    fills, again, feeling = found["fills"], found["reconstruction_to_24_tokens"], found["sentiment"]
    rows = [
        f"| as a language model, {found['language_model']['texts']} tweets of the validation file: nats a character | "
        f"{found['language_model']['nats_per_character']:.3f} |",
        f"| 1 to 3 masked words of {fills['texts']} of them: nats a token given the text's latent, none, another's | "
        f"{fills['true']['nats']:.2f}, {fills['null']['nats']:.2f}, {fills['wrong']['nats']:.2f} |",
        f"| the same, likeliest fills: exact | {fills['true']['exact']:.1%}, {fills['null']['exact']:.1%}, "
        f"{fills['wrong']['exact']:.1%} |",
        f"| {again['texts']} of them of at most 24 tokens, written from the latent alone: BLEU / exact | "
        f"{again['bleu']:.1f} / {again['exact']:.1%} |",
        f"| {found['samples']['count']} texts of latents drawn from the prior: distinct; nats a token by SmolLM2 (a "
        f"relative) above those of tweets | {found['samples']['distinct']:.1%}; "
        f"{found['samples']['nats_per_token_above_tweets']:+.2f} |",
        f"| latents of {found['latent']['mmd_texts']:.0f} validation tweets: active units; permutation p of their MMD "
        f"to the prior | {found['latent']['active_units']:.1%}; {found['latent']['mmd_p']:.3f} |",
        f"| sentiment of {feeling['texts']} validation tweets, accuracy: head, reader, stacked | "
        f"{feeling['head']:.1%}, {feeling['reader']:.1%}, {feeling['stacked']:.1%} |",
    ]
    for name, report in results["parts"].items():
        if "verdict" in report:
            rows += _direction_rows(name, report)
            continue
        key, label = next((key, label) for key, label in MEASURES if key in report["head"])
        known = [f"{model.replace('_', ' ')} {report[model][key]:.3f}" for model in MODELS if model in report]
        left = "" if report.get("bundled", True) else " (left out)"
        rows.append(f"| `{name}`, {label}{left} | {', '.join(known)} |")
    return rows


def _direction_rows(name: str, report: dict[str, Any]) -> list[str]:
    """What was measured of a direction, also of one that does not work on texts and is therefore not there."""
    found, verdict = report["consistency"], report["verdict"]
    words = verdict["words"] if verdict["words"] == "works on texts" else f"{verdict['words']}, and left out"
    curve = "; ".join(
        f"{row['strength']:g}: {row['realised']:.2f}, "
        f"{'none' if row['read'] is None else format(row['read'], '.2f')}, {row['content']:.2f}, {row['fluency']:+.2f}"
        for row in report["strengths"]
    )
    leaks = "; ".join(_leak(leak) for leak in report["leakage"])
    return [
        f"| direction `{name}` ({words}): held-out mean cosine, permutation p of the mean difference; share of "
        "held-out pairs that its reader orders rightly | "
        f"{found['cosine']:.3f}, {found['cosine_p']:.2g}; {report['reads'] or 0:.1%} |",
        f"| `{name}`, {verdict['texts']} held-out texts edited with little effort; strength: realised, read by a judge "
        f"(1: people's targets), content (chrF), fluency (nats a token) | {curve} |",
        f"| `{name}`: what else moves, as a share of its own effect: in latents, in those edits (bold: over a third, "
        f"so it changes this, too) | {leaks} |",
    ]


def _leak(leak: dict[str, Any]) -> str:
    from latentopt.directions.leaks import is_large

    realised = "none" if leak["realised"] is None else format(leak["realised"], ".2f")
    said = f"{leak['name']} {leak['share']:.2f}, {realised}"
    return f"**{said}**" if is_large(leak["share"], leak["realised"]) else said
