"""What comes out of a decoder: how much of a text it keeps, and how varied, valid and even its own texts are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

LENGTHS = (8, 16, 24, 32, 48, 64, 96, 128)  # most tokens in each group of texts
Checker = Callable[[str], Any]  # a text is invalid if this raises or returns False


def reconstruction(texts: Sequence[str], decoded: Sequence[str]) -> dict[str, float]:
    """How well texts survive encode and decode.

    Returns:
        `bleu`: corpus BLEU with sacrebleu's 13a tokens, 0 to 100 (Papineni et al. 2002; Post 2018); `chrf`: corpus
        chrF, 0 to 100 (Popovic 2015); `exact`: share of texts that come back character for character.
    """
    from sacrebleu import corpus_bleu, corpus_chrf

    exact = sum(a == b for a, b in zip(texts, decoded, strict=True)) / len(texts)
    return {
        "bleu": corpus_bleu(decoded, [texts]).score,
        "chrf": corpus_chrf(decoded, [texts]).score,
        "exact": exact,
    }


def by_length(texts: Sequence[str], decoded: Sequence[str], lengths: Sequence[int]) -> list[dict[str, float]]:
    """`reconstruction` of the texts of like length: `tokens_from`, `tokens_to`, `texts`, its measures."""
    rows, low = [], 1
    for high in (*LENGTHS, max(max(lengths), LENGTHS[-1] + 1)):
        found = [i for i, n in enumerate(lengths) if low <= n <= high]
        if found:
            measured = reconstruction([texts[i] for i in found], [decoded[i] for i in found])
            rows.append({"tokens_from": low, "tokens_to": high, "texts": len(found)} | measured)
        low = high + 1
    return rows


def distinct_n(texts: Sequence[str], n: int) -> float:
    """Number of different n-grams of words, as a share of all of them (Li et al. 2016, distinct-n)."""
    grams = [gram for words in map(str.split, texts) for gram in zip(*(words[i:] for i in range(n)), strict=False)]
    return len(set(grams)) / max(1, len(grams))


def valid_share(texts: Sequence[str], checker: Checker) -> float:
    """Share of texts that a checker accepts: it neither raises an exception nor returns False."""
    return sum(map(_accepts(checker), texts)) / len(texts)


def interpolation(paths: Sequence[Sequence[str]], fluency: Sequence[float]) -> dict[str, float]:
    """How even the ways between two texts are.

    Args:
        paths: for each pair the texts on the way, both ends included.
        fluency: of all those texts in their order, 0 to 1.

    Returns:
        `monotonic`: share of the steps along which chrF to the first text does not rise and that to the last does not
        fall; `distinct`: different texts on a way, as a share of its points; `fluency`: mean of the points in between;
        `fluency_ends`: mean of the ends.
    """
    from sacrebleu.metrics.chrf import CHRF

    chrf = CHRF(eps_smoothing=True)
    even, steps, between, ends = 0, 0, [], []
    for i, path in enumerate(paths):
        to_first, to_last = ([chrf.sentence_score(t, [end]).score for t in path] for end in (path[0], path[-1]))
        for k in range(1, len(path)):
            even += to_first[k] <= to_first[k - 1] and to_last[k] >= to_last[k - 1]
        steps += len(path) - 1
        here = list(fluency[i * len(path) : (i + 1) * len(path)])
        between += here[1:-1]
        ends += [here[0], here[-1]]
    return {
        "monotonic": even / steps,
        "distinct": sum(len(set(path)) / len(path) for path in paths) / len(paths),
        "fluency": sum(between) / max(1, len(between)),
        "fluency_ends": sum(ends) / len(ends),
    }


def _accepts(checker: Checker) -> Callable[[str], bool]:
    def accepts(text: str) -> bool:
        try:
            return checker(text) is not False
        except Exception:  # whatever a checker raises says that it does not accept the text
            return False

    return accepts
