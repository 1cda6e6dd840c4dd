"""Edits as HTML. Whatever comes from a text is escaped."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from html import escape

from latentopt.cli.output import digits
from latentopt.editing import Candidate, Edit, Estimate

WIDTH, HEIGHT, MARGIN = 240, 22, 8  # of a bar, in pixels
# Screen readers pass over what is struck through, so that they are told.
GONE = '<del><span class="aloud"> (gone: </span>{}<span class="aloud">) </span></del>'


def marked(candidate: Candidate) -> str:
    """A candidate's text with the words that are new marked, and those that are gone struck through."""
    parts, place = [], 0
    for change in candidate.changes:
        parts.append(escape(candidate.text[place : change.start]))
        gone, new = GONE.format(escape(change.was)), escape(candidate.text[change.start : change.end])
        if new:
            if change.was[:1].isalnum() and candidate.text[: change.start][-1:].isalnum():
                parts.append(" ")  # a mark in place of a word: "this crap" is now "this."
            parts.append(f"{gone if change.was else ''}<mark>{new}</mark>")
        else:  # it stood behind the word before it, if there is one
            parts.append(f" {gone}" if change.start else f"{gone} ")
        place = change.end
    return "".join(parts) + escape(candidate.text[place:])


def card(edit: Edit, candidate: Candidate) -> str:
    """A candidate with all that is known of it."""
    rows = []
    for name, now in candidate.realised.items():
        before = edit.predicted[name]
        said = f"{escape(name)} <strong>{digits(now.value)}</strong>, before {digits(before.value)}"
        if now.low is not None and now.high is not None:
            said += f" (nine of ten: {digits(now.low)} to {digits(now.high)})"
        if name in candidate.read:
            opinions = digits(candidate.read[name]), digits(edit.read[name])
            said += '<br><span class="second">second opinion: {}, before {}</span>'.format(*opinions)
        rows.append(f'<div class="value"><span>{said}</span>{bar(before, now)}</div>')
    changes = ", ".join(_change(change.was, change.now) for change in candidate.changes)
    known = [f"meaning kept {candidate.meaning:.0%}", f"fluency {candidate.wording}"]
    if candidate.acceptability_words is not None:
        known.append(f"acceptability {candidate.acceptability_words}")
    rows.append(f'<div class="second">{" · ".join([*known, changes])}</div>')
    return f'<p class="edited" data-text="{escape(candidate.text)}">{marked(candidate)}</p>{"".join(rows)}'


def _change(was: str, now: str) -> str:
    if not was:
        return f"new: {escape(now)}"
    return f"{escape(was)} → {escape(now)}" if now else f"gone: {escape(was)}"


def bar(before: Estimate, now: Estimate) -> str:
    """A value and its interval, beside the value before: a picture of the sentence that stands before it."""
    known = [value for e in (before, now) for value in (e.value, e.low, e.high) if value is not None]
    low, high = min(known), max(known)
    if low >= 0 and high <= 1 and now.low is None:
        low, high = 0.0, 1.0  # of probabilities, which have no interval

    def x(value: float) -> float:
        scaled = [math.log1p(v) if low >= 0 and high > 1 else v for v in (value, low, high)]
        share = (scaled[0] - scaled[1]) / (scaled[2] - scaled[1]) if high > low else 0.5
        return MARGIN + share * (WIDTH - 2 * MARGIN)

    middle = HEIGHT / 2
    shapes = f'<line class="axis" x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{middle}" y2="{middle}"/>'
    if now.low is not None and now.high is not None:
        ends = f'x1="{x(now.low):.1f}" x2="{x(now.high):.1f}"'
        shapes += f'<line class="interval" {ends} y1="{middle}" y2="{middle}"/>'
    shapes += (
        f'<circle class="before" cx="{x(before.value):.1f}" cy="{middle}" r="5"/>'
        f'<circle class="now" cx="{x(now.value):.1f}" cy="{middle}" r="5"/>'
    )
    return f'<svg class="bar" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{shapes}</svg>'


def verdict(edit: Edit, directions: Collection[str] = ()) -> str:
    """What came of an edit, in a sentence; along directions, by name, a text as it stands has not moved."""
    known = {name: e for name, e in edit.predicted.items() if name not in directions}
    predicted = ", ".join(f"{escape(name)} {digits(e.value)}" for name, e in known.items())
    status = {"reached": "Reached", "improved": "Nearer", "none_better": "Nothing better"}[edit.status]
    now = f" For your text as it stands: {predicted}." if predicted else ""
    return f"<strong>{status}:</strong> {escape(edit.reason)}.{now}"


def listed(texts: Sequence[str], *, first: int = 0) -> str:
    """Texts as a numbered list."""
    return f'<ol start="{first}">{"".join(f"<li>{escape(text)}</li>" for text in texts)}</ol>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows as a table."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(head[0])}">'
        f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )
