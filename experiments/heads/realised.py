"""What edits realised of the gain that was promised, and what readers say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentopt.heads import Fitted, Reader, fit_reader
from latentopt.space import LatentSpace

NAME = "likes"
LEAST_PROMISE = 0.01  # of a score, from where on a share of it means something
FILES = ("valid", "valid_unseen_accounts")
Array = NDArray[np.float64]


def other_reader(data: Path, sources: Sequence[str]) -> Reader:
    """A reader that had no part in the edits: it learns from the validation tweets, without the sources."""
    frame = pd.concat([pd.read_parquet(data / f"tweets/{file}.parquet") for file in FILES])
    frame = frame[~frame["text"].isin(sources)]
    values, accounts = frame[NAME].to_numpy(dtype=float), frame["account"].astype(str).to_numpy(dtype=object)
    return fit_reader(frame["text"].tolist(), values, groups=accounts, scale="log1p")


def as_shown(edits: Sequence[dict[str, Any]], space: LatentSpace, fitted: Fitted) -> list[dict[str, Any]]:
    """The best candidates of edits, with the values that are shown of their texts now: head and reader stacked.

    Of an editor that showed the head's values, the promised gain is kept: what is promised begins at what is shown of
    the source.
    """
    texts = [edit["source"] for edit in edits]
    texts += [edit["candidates"][0]["text"] for edit in edits if edit["candidates"]]
    z = space.pooled(space.encode(texts))
    values, ends = fitted.shown.predict(z, texts), fitted.shown.interval(z, texts)
    estimates = iter(
        {"value": value, "low": low, "high": high}
        for value, (low, high) in zip(values.tolist(), ends.tolist(), strict=True)
    )
    to_score, to_value = fitted.head.to_score, fitted.head.to_value
    now = [edit | {"predicted": {NAME: next(estimates)}} for edit in edits]
    for was, edit in zip(edits, now, strict=True):
        if edit["candidates"]:
            best = edit["candidates"][0]
            gain = to_score(np.array(best["promised"][NAME])) - to_score(np.array(was["predicted"][NAME]["value"]))
            promised = to_value(to_score(np.array(edit["predicted"][NAME]["value"])) + gain)
            edit["candidates"] = [best | {"realised": {NAME: next(estimates)}, "promised": {NAME: float(promised)}}]
    return now


def realised_report(edits: Sequence[dict[str, Any]], head: Any, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """How the best candidates of edits to more likes keep what was promised.

    Args:
        edits: as `latentopt optimize --json` prints them.
        head: of likes, for the group of which the printed values are.
        readers: by what they are called in the report. Each is asked anew for what it says within a group.

    Returns:
        `texts`; `shown`, those with a candidate; `promised`, those of which a gain was.
        `realised_over_promised`: median share of the promised gain of score that was realised, of all texts: nothing
        where there is no candidate. `of_shown`: without these. `of_filled`: of candidates with new words alone; one
        that only leaves words out was encoded before it was promised, so that it keeps all.
        By reader: `confirmed`, the share of candidates of which it says more than of their sources; and the share of
        the likes that it expects (its value, and the errors that it made on rows set aside, to either side) that lie
        in the printed intervals of `sources` and of `realised` texts, which are of 90%.
    """
    shown = [edit for edit in edits if edit["candidates"]]
    if not shown:
        return {"texts": len(edits), "shown": 0}
    best = [edit["candidates"][0] for edit in shown]
    was, now = [edit["predicted"][NAME] for edit in shown], [made["realised"][NAME] for made in best]
    before, after, promised = (
        np.asarray(head.to_score(np.array(values)))
        for values in ([e["value"] for e in was], [e["value"] for e in now], [made["promised"][NAME] for made in best])
    )
    filled = np.array([any(change["now"] for change in made["changes"]) for made in best])
    kept = promised - before > LEAST_PROMISE
    share = (after - before) / np.where(kept, promised - before, 1.0)
    report: dict[str, Any] = {
        "texts": len(edits),
        "shown": len(shown),
        "promised": int(kept.sum()),
        "realised_over_promised": _median([*share[kept], *[0.0] * (len(edits) - len(shown))]),
        "of_shown": _median(share[kept]),
        "of_filled": _median(share[kept & filled]),
    }
    for name, reader in readers.items():
        old = reader.outputs([edit["source"] for edit in shown])[:, 0]
        new = reader.outputs([made["text"] for made in best])[:, 0]
        errors = reader.estimator.residuals_
        report[name] = {
            "confirmed": float((new > old).mean()),
            "sources": _within(head, was, old, errors),
            "realised": _within(head, now, new, errors),
        }
    return report


def _within(head: Any, estimates: Sequence[Mapping[str, float]], said: Array, errors: Array) -> float:
    """Share of what may be expected, by what a reader says (n,) and the errors that it makes (m,), in n intervals."""
    expected = head.to_value(head.level + said[:, None] + np.concatenate([-errors, errors]))
    low, high = (np.array([[estimate[end]] for estimate in estimates]) for end in ("low", "high"))
    return float(((low <= expected) & (expected <= high)).mean())


def _median(shares: Sequence[float] | Array) -> float | None:
    return float(np.median(shares)) if len(shares) else None
