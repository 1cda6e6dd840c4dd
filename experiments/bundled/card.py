"""The model card of the bundled model, written from what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

HEADER = """---
license: apache-2.0
language: en
library_name: latentopt
tags: [t5-vae, text-autoencoder, latent-space, tweets]
---

# The T5-VAE that comes with latentopt

A small T5-VAE for short English texts: {parameters}, one latent vector of {latent_dim} dimensions, at most {tokens}
tokens. latentopt uses it when no `--model` is given. The last stage of its training and all else in this folder come
from `experiments/bundled/run.py`; what went before is told there.

| file | what |
|---|---|
| `model.safetensors`, `config.json`, `tokenizer.json` | the T5-VAE (bf16) and its byte-level BPE tokenizer |
| `density.safetensors` | mean and covariance of the latents of 30,000 training tweets |
| `ngrams.safetensors` | counts of the frequent pairs and triples of tokens in the training texts, for fluency |
| `heads/likes`, `heads/sentiment` | predicted likes within an account; positive or negative |
| `directions/civil`, `directions/positive` | from toxic to civil; from negative to positively reframed |

## Data

Trained on {tweets:,} tweets of 110 public accounts (2007 to 2019), {labelled:,} labelled tweets (Sentiment140 sample,
tweet_emotions, CrisisLex T6, t-davidson) and {titles:,} Reddit titles (umbrae/reddit-top-2.5-million, PDDL). `likes` is
fitted on the first, `sentiment` on the Sentiment140 part, `civil` on s-nlp/paradetox (CC0), `positive` on
SALT-NLP/positive-frames (CC BY-SA 4.0). Several of the tweet collections state no licence, and Sentiment140 is for
academic use: the weights are statistics learned from these texts, none of which is in this package; whoever needs clear
terms trains a model of their own with `latentopt train`. Links are the token `http` and mentions `@user`, here and in
what it writes.

## How good it is

Measured on {machine}, seed {seed}. Reconstruction, targets and heads: on validation files that nothing was tuned on.
Directions: on held-out fifths of their training pairs.

{metrics}

Training was done in stages, the last of {steps:,} steps of {batch} texts, with settings that were changed on the way:
`experiments/bundled` lists them. Targets are judged by the head that the edits were made with, which flatters them.

## Limits

- It is small, and the last stage of its training took {minutes} minutes ({trained_on}). A text of more than {tokens}
  tokens is cut, with a warning; unusual words come back changed, and edits are often clumsy: read them.
- Who tweets decides most of the likes ({by_account:.0%} of the variance of their logarithm). The head predicts what
  the text adds for an account with given typical likes, and explains little of it: the intervals are wide because
  chance is. No edit *causes* likes; the head knows which texts had them.
- English of public figures, media, companies and labelled Twitter samples up to 2019. It reflects what they wrote, with
  their biases, insults included.

## Misuse

Not for writing in another person's name, for hiding abuse in civil words, or for campaigns of invented posts. The
directions change the tone of a text, not its intent.
"""


def write_card(folder: Path, results: dict[str, Any]) -> None:
    """Write README.md into the model's folder."""
    from latentopt import LatentSpace

    space = LatentSpace.from_pretrained(folder)
    training, figures = results["training"], results["evaluation"]
    millions = sum(p.numel() for p in space.model.parameters()) / 1e6
    text = HEADER.format(
        parameters=f"{millions:.1f} million parameters",
        latent_dim=space.latent_dim,
        tokens=space.max_tokens,
        **{name: training["corpus"][name] for name in ("tweets", "labelled", "titles")},
        machine=figures["machine"],
        seed=figures["seed"],
        metrics=_metrics(results),
        by_account=results["parts"]["likes"]["explained_by_group"],
        steps=training["recipe"]["steps"],
        batch=training["recipe"]["batch_size"],
        minutes=round(training["seconds_of_the_last_start"] / 60),
        trained_on=training["machine"],
    )
    (folder / "README.md").write_text(text)


def _metrics(results: dict[str, Any]) -> str:
    figures, parts = results["evaluation"], results["parts"]
    short = next(value for name, value in figures.items() if name.startswith("reconstruction_first"))
    rows = [("tweets to 32 tokens (200): reconstruction BLEU / exact", f"{short['bleu']:.1f} / {short['exact']:.1%}")]
    for file, label in (("valid", "known"), ("valid_unseen_accounts", "unseen")):
        found = figures[f"{file}_to_48_tokens"]
        again = found["reconstruction"]
        rows += [
            (
                f"tweets of {label} accounts to 48 tokens ({found['texts']:.0f}): reconstruction BLEU / exact",
                f"{again['bleu']:.1f} / {again['exact']:.1%}",
            ),
            ("the same after inversion: exact", f"{found['inversion']['exact']:.1%}"),
        ]
    found = figures["valid_to_48_tokens"]
    rows += [
        (
            "latents against N(0, I): active units / permutation p of the MMD (1,000 texts)",
            f"{found['latent']['active_units']:.0%} / {found['latent']['mmd_p']:.3f}",
        ),
        (
            "texts of random latents: n-gram perplexity against real tweets' / distinct",
            f"{found['samples']['perplexity_ratio']:.2f} / {found['samples']['distinct']:.1%}",
        ),
    ]
    for name, found in figures["targets"].items():
        rows.append(
            (
                f"likes {name} the own: realised within 25% / chrF to the source",
                f"{found['within_25_percent']:.0%} / {found['chrf_to_source']:.0f}",
            )
        )
    likes, sentiment = parts["likes"], parts["sentiment"]
    rows.append(
        (
            "`likes`, within accounts: R² (TF-IDF ridge) / coverage of the 90% interval",
            f"{likes['head']['r2']:.3f} ({likes['tfidf_ridge']['r2']:.3f}) / {likes['interval']['coverage']:.1%}",
        )
    )
    rows.append(
        (
            "`sentiment`: accuracy (TF-IDF logistic regression)",
            f"{sentiment['head']['accuracy']:.1%} ({sentiment['tfidf_logistic']['accuracy']:.1%})",
        )
    )
    for name in ("civil", "positive"):
        found = parts[name]
        rows.append(
            (f"`{name}`: held-out mean cosine, permutation p", f"{found['cosine']:.3f}, {found['cosine_p']:.2g}")
        )
    return "\n".join(["| what | figure |", "|---|---|", *(f"| {what} | {figure} |" for what, figure in rows)])
