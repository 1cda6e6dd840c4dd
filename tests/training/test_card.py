"""The card that `latentopt train` writes into a model's folder."""

from __future__ import annotations

from pathlib import Path

from latentopt.evaluation import evaluate
from latentopt.training.card import BEGIN, PAIRS, POINTS, SAMPLES, write_card
from latentopt.training.recipe import Recipe
from tests.toy import toy_space, toy_texts


def card(folder: Path, valid: int = 12) -> str:
    write_card(toy_space(), Recipe(), 300, toy_texts(valid, seed=7), folder)
    return (folder / "README.md").read_text()


def test_it_says_what_was_trained_how_and_how_good_it_is(tmp_path: Path) -> None:
    found = card(tmp_path)
    assert f"# {tmp_path.name}\n" in found
    assert "Trained on 300 texts" in found
    assert "24 dimensions, of which the first 8" in found
    assert '"is": "Recipe"' in found
    assert "On 12 texts that were held out" in found
    measured = evaluate(toy_space(), toy_texts(12, seed=7), samples=SAMPLES, pairs=PAIRS, points=POINTS).report
    back, language, fills = (measured[name] for name in ("reconstruction", "language_model", "fills"))
    for row in (
        f"nats a character | {language['nats_per_character']:.3f} |",
        ", ".join(f"{fills[kind]['nats']:.2f}" for kind in ("true", "null", "wrong")),
        f"BLEU / exact | {back['bleu']:.1f} / {back['exact']:.1%} |",
        f"active units | {measured['latent']['active_units']:.1%} |",
        f"permutation p | {measured['latent']['mmd']:.4f}, {measured['latent']['mmd_p']:.3f} |",
        f"perplexity over that of real texts | {measured['samples']['perplexity_ratio']:.2f} |",
    ):
        assert row in found


def test_too_few_texts_are_said_not_measured(tmp_path: Path) -> None:
    assert "Not measured: that needs 4 held-out texts or more; give `--valid FILE`." in card(tmp_path, valid=3)


def test_what_a_person_has_written_stays(tmp_path: Path) -> None:
    first = card(tmp_path, valid=3)
    (tmp_path / "README.md").write_text(first.replace("Say here whose texts", "These are my own texts, not"))
    again = card(tmp_path)
    assert "These are my own texts" in again
    assert "On 12 texts" in again
    assert again.count(BEGIN) == 1


def test_a_card_of_ones_own_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Mine\n")
    assert card(tmp_path) == "# Mine\n"
