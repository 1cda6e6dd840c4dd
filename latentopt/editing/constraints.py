"""What an edit must keep and must not have: known before a text is written, and checked after."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from latentopt.errors import LatentoptError

KINDS: dict[str, re.Pattern[str]] = {
    "links": re.compile(r"\bhttps?\b\S*|\bwww\.\S+"),
    "mentions": re.compile(r"@\w+"),
    "hashtags": re.compile(r"#\w+"),
    "numbers": re.compile(r"[$€£]?\d+(?:[.,:/]\d+)*(?:%|(?:st|nd|rd|th|k|m|bn|am|pm)\b)?", re.IGNORECASE),
    "emoji": re.compile("(?:[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2190-\u21ff][\ufe0f\u200d]*)+"),
}
MARKS = re.compile("|".join(KINDS[kind].pattern for kind in ("links", "mentions", "hashtags")))
NAMES = "names"
WHAT = ", ".join([*KINDS, NAMES])

_WORD = re.compile(r"(?<![\w@#])[^\W\d_][\w'’&.-]*\w|(?<![\w@#])[^\W\d_]\b")
_STARTS = re.compile(r"(?:^|[.!?:…\n]|https?\S*|[@#]\w+|[^\w\s'’,;&-])[\"'“‘(\s]*$")
_GLUED = re.compile(r"\w[@#]\w|[a-z][A-Z]|[,!?;]\w|[a-z]\.[A-Za-z]")
_TWICE = re.compile(r"\b(\w+)\W+\1\b|\s[,.;:!?]|[,;:][,.;:!?]|(?<!\.)\.\.(?!\.)", re.IGNORECASE)
_SMALL = re.compile(r"(?<!\.)[.!?]\s+[a-z]")
_BREAKS_OFF = re.compile(
    r"\b(?:a|an|the|and|or|but|of|to|my|your|his|their|our|with|from|as|than|because|every|very)\W*$", re.IGNORECASE
)
_ARTICLE = re.compile(
    r"\ba (?:[ai]\w|e(?!u)\w|o(?!nc?e\b)\w|un(?!i)\w)|\ban (?![aeiou]|hour|hon[eo]|heir|[FHLMNRSX]\b|[A-Z]{2})\w"
)
# What a number counts: 60 miles that become 60 years are another number.
_UNIT = re.compile(
    r"[ -]?(?:seconds?|minutes?|mins?|hours?|hrs?|days?|nights?|weeks?|weekends?|months?|years?|yrs?|decades?|miles?|"
    r"feet|foot|inch(?:es)?|meters?|km|kg|lbs?|pounds?|dollars?|euros?|bucks|percent|degrees|points?|goals?|games?|times|"
    r"people|men|women|kids|children|followers|million|billion|thousand|hundred)\b",
    re.IGNORECASE,
)
_I = re.compile(r"I(?:['’]\w+)?")
# Words that begin a sentence far more often than a name, so that "Happy Diwali" leaves the first to be edited.
_OPENERS = (
    "a an the this that these those my our your his her their its it he she we they you i in on at to for from of with "
    "by as if when while after before and but or so not no yes what why who how where is are was were do does did can "
    "could will would have has had let great good happy thank thanks congrats congratulations dear hi hello hey wow "
    "just now today new big all more very such much many some every here there welcome watch read see join"
)
TITLE_CASE = 0.75  # share of the words within sentences with a capital, from which on capitals say nothing
FEWEST_FOR_TITLE_CASE = 4
# In the list of words of abuse, but mostly none.
_HARMLESS = (
    "damn hell god sex gay gays kill fat ugly crap stupid sexual drunk facial lust maxi murder omg oral organ pasty "
    "pawn pot revue rum screw screwed slope sniper stroke strip thrust titi tramp unwed virgin vodka womb"
)


# Words that a sentence may have more than once; any other of four letters or more that is added to itself is a slip.
_OFTEN = (
    "about after also because been before could does from have here into just like more most much only other over "
    "really should some than that their them then there these they this those very want were what when where which "
    "while will with would your you're don't can't it's"
)
_LONG = re.compile(r"(?<![\w@#])[^\W\d_][\w'’]{3,}")


@dataclass(frozen=True)
class Breach:
    """Why a text is refused. reason: in words. remedy: what a person can say to let it through."""

    reason: str
    remedy: str


class Constraint:
    """What a text must keep or must not have; each says what it has an opinion on."""

    def kept(self, source: str) -> list[tuple[int, int]]:
        """Ranges of characters of the source that no edit may touch."""
        return []

    def forbids(self, token: str) -> bool:
        """Whether no fill may contain this token, given as the text that it stands for."""
        return False

    def breach(self, source: str, text: str) -> Breach | None:
        """Why a finished text is refused; None where it is not."""
        return None


@dataclass(frozen=True)
class Keep(Constraint):
    """All of one kind stay as they are, in their order, and none is added.

    kind: "links", "mentions", "hashtags", "numbers" or "emoji"; emoji may be added. Numbers keep their units.
    """

    kind: str

    def kept(self, source: str) -> list[tuple[int, int]]:
        spans = [match.span() for match in KINDS[self.kind].finditer(source)]
        if self.kind != "numbers":
            return spans
        units = [_UNIT.match(source, last) for _, last in spans]
        return [(first, unit.end() if unit else last) for (first, last), unit in zip(spans, units, strict=True)]

    def forbids(self, token: str) -> bool:
        lead = {"links": "http", "mentions": "@", "hashtags": "#"}.get(self.kind)
        if lead is not None:
            return lead in token or (self.kind == "links" and ("www" in token or "://" in token))
        return self.kind == "numbers" and any(letter.isdigit() for letter in token)

    def breach(self, source: str, text: str) -> Breach | None:
        before, after = KINDS[self.kind].findall(source), KINDS[self.kind].findall(text)
        if before == after:
            return None
        lost, added = Counter(before) - Counter(after), Counter(after) - Counter(before)
        if not lost and self.kind == "emoji":
            return None
        said = [f"loses {_few(lost)}"] if lost else []
        said += [f"adds {_few(added)}"] if added else []
        return Breach(f"{' and '.join(said) or 'moves'} ({self.kind})", f"--free {self.kind}")


@dataclass(frozen=True)
class KeepNames(Constraint):
    """Capitalised words within a sentence, and those before them, stay as they are, and none is added.

    A capital says nothing at the start of a sentence, nor in a text that has most words in capitals.
    """

    def kept(self, source: str) -> list[tuple[int, int]]:
        return [span for _, span in _names(source)]

    def breach(self, source: str, text: str) -> Breach | None:
        known = {name for name, _ in _names(source)}
        there = Counter(word for word, _ in _words(text))
        lost = Counter(name for name, _ in _names(source)) - there
        added = Counter() if _title_case(source) else Counter({name for name, _ in _capitals(text)} - known)
        if not lost and not added:
            return None
        said = f"loses {_few(lost)}" if lost else f"adds {_few(added)}"
        return Breach(f"{said} (names)", "--free names")


@dataclass(frozen=True)
class KeepWords(Constraint):
    """What a pattern finds in the source stays as it is."""

    pattern: re.Pattern[str]

    def kept(self, source: str) -> list[tuple[int, int]]:
        return [match.span() for match in self.pattern.finditer(source) if match.group()]

    def breach(self, source: str, text: str) -> Breach | None:
        lost = Counter(_found(self.pattern, source)) - Counter(_found(self.pattern, text))
        return Breach(f"loses {_few(lost)} (--keep)", "a smaller --keep") if lost else None


@dataclass(frozen=True)
class Forbid(Constraint):
    """What a pattern finds must not be added; what the source has may stay, or go."""

    pattern: re.Pattern[str]
    called: str = "forbidden words"
    remedy: str = "a smaller --forbid"

    def forbids(self, token: str) -> bool:
        return self.pattern.fullmatch(token.strip()) is not None

    def breach(self, source: str, text: str) -> Breach | None:
        added = _lowered(self.pattern, text) - _lowered(self.pattern, source)
        return Breach(f"adds {_few(added)} ({self.called})", self.remedy) if added else None


@dataclass(frozen=True)
class MaxLength(Constraint):
    """A text has at most so many characters."""

    characters: int

    def breach(self, source: str, text: str) -> Breach | None:
        if len(text) <= self.characters:
            return None
        return Breach(f"has {len(text)} characters, above {self.characters}", "a larger --max-length")


@dataclass(frozen=True)
class MaxTokens(Constraint):
    """A text has at most so many tokens. lengths: counts those of texts, as `LatentSpace.lengths` does."""

    tokens: int
    lengths: Callable[[list[str]], list[int]]

    def breach(self, source: str, text: str) -> Breach | None:
        (found,) = self.lengths([text])
        if found <= self.tokens:
            return None
        return Breach(f"has {found} tokens, above {self.tokens}", "a larger --max-tokens")


@dataclass(frozen=True)
class Whole(Constraint):
    """Some text, and none of the slips of a machine: broken characters (U+FFFD), words run together or said twice."""

    def forbids(self, token: str) -> bool:
        return "\ufffd" in token or any(ord(letter) < 32 for letter in token)

    def breach(self, source: str, text: str) -> Breach | None:
        if not text.strip():
            return Breach("is empty", "another text")
        if len(_GLUED.findall(text)) > len(_GLUED.findall(source)):
            return Breach("runs words together", "another seed")
        if len(_TWICE.findall(text)) > len(_TWICE.findall(source)):
            return Breach("repeats a word or a mark", "another seed")
        if again := _again(source, text):
            return Breach(f"says {_few(again)} once more", "another seed")
        if len(_SMALL.findall(text)) > len(_SMALL.findall(source)):
            return Breach("begins a sentence with a small letter", "another seed")
        if _BREAKS_OFF.search(MARKS.sub("", text)) and not _BREAKS_OFF.search(MARKS.sub("", source)):
            return Breach("breaks off", "another seed")
        if len(_ARTICLE.findall(text)) > len(_ARTICLE.findall(source)):
            return Breach("has a for an, or an for a", "another seed")
        if "\ufffd" in text and text.count("\ufffd") > source.count("\ufffd"):
            return Breach("has a broken character", "another seed")
        return None


@dataclass(frozen=True)
class Check(Constraint):
    """Any function of source and text: None, True or an empty string let a text pass, False or a reason refuse it."""

    function: Callable[[str, str], str | bool | None]
    called: str = "a check of yours"

    def breach(self, source: str, text: str) -> Breach | None:
        said = self.function(source, text)
        if said is None or said is True or said == "":
            return None
        reason = said if isinstance(said, str) else f"is refused by {self.called}"
        return Breach(reason, f"another check than {self.called}")


def standard(
    *,
    free: Iterable[str] = (),
    keep: Iterable[str] = (),
    forbid: Iterable[str] = (),
    max_length: int | None = None,
    allow_abuse: bool = False,
) -> list[Constraint]:
    """What holds by default, and what a person adds or lets go.

    Args:
        free: kinds that may be lost and added: links, mentions, hashtags, numbers, emoji, names.
        keep: words, or regular expressions written /between slashes/, that stay where the source has them.
        forbid: the same, or files with one a line, that must not be added.
        max_length: most characters.
        allow_abuse: whether words of abuse may be added that the source has not (the list is that of the package
            better-profanity, less a few harmless words).

    Raises:
        LatentoptError: for a kind that is none, a pattern that is none, or a file that cannot be read.
    """
    free = set(free)
    if unknown := sorted(free - {*KINDS, NAMES}):
        raise LatentoptError(f"--free {unknown[0]}: there is no such kind; known: {WHAT}")
    found: list[Constraint] = [Whole(), *(Keep(kind) for kind in KINDS if kind not in free)]
    if NAMES not in free:
        found.append(KeepNames())
    found += [KeepWords(pattern("--keep", words)) for words in keep]
    found += [Forbid(p) for words in forbid for p in _forbidden(words)]
    if not allow_abuse:
        found.append(Forbid(abuse(), called="abuse", remedy="--allow-abuse"))
    if max_length is not None:
        found.append(MaxLength(max_length))
    return found


def pattern(option: str, words: str) -> re.Pattern[str]:
    """A pattern of what a person wrote: /a regular expression/, or words, found whole and in any case.

    Raises:
        LatentoptError: for an expression that is none, or nothing at all.
    """
    if not words.strip():
        raise LatentoptError(f"{option}: needs words, or a regular expression /between slashes/, got nothing")
    if len(words) > 2 and words[0] == words[-1] == "/":
        try:
            return re.compile(words[1:-1])
        except re.error as error:
            raise LatentoptError(f"{option} {words}: this is no regular expression ({error})") from error
    return _whole([words.strip()])


@cache
def abuse() -> re.Pattern[str]:
    """Words of abuse: the list of better-profanity (MIT), less words that are mostly harmless."""
    import better_profanity

    file = Path(better_profanity.__file__).parent / "profanity_wordlist.txt"
    listed = {word.strip().lower() for word in file.read_text(encoding="utf-8").splitlines()}
    return _whole(sorted({word for word in listed if len(word) > 2} - {*_HARMLESS.split()}))


def breaches(constraints: Sequence[Constraint], source: str, text: str) -> list[Breach]:
    """All that a text is refused for."""
    found = (constraint.breach(source, text) for constraint in constraints)
    return [breach for breach in found if breach is not None]


def kept_ranges(constraints: Sequence[Constraint], source: str) -> list[tuple[int, int]]:
    """Ranges of characters that some constraint keeps, in order."""
    return sorted(span for constraint in constraints for span in constraint.kept(source))


def _forbidden(words: str) -> list[re.Pattern[str]]:
    file = Path(words)
    if not file.is_file():
        return [pattern("--forbid", words)]
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LatentoptError(f"--forbid {words}: this file cannot be read as UTF-8 text ({error})") from error
    return [pattern("--forbid", line) for line in lines if line.strip()]


def _whole(words: Sequence[str]) -> re.Pattern[str]:
    longest_first = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{longest_first})(?!\w)", re.IGNORECASE)


def _found(pattern: re.Pattern[str], text: str) -> list[str]:
    return [match.group() for match in pattern.finditer(text) if match.group()]


def _lowered(pattern: re.Pattern[str], text: str) -> Counter[str]:
    return Counter(word.lower() for word in _found(pattern, text))


def _words(text: str) -> list[tuple[str, tuple[int, int]]]:
    links = [match.span() for match in KINDS["links"].finditer(text)]
    return [
        (match.group(), match.span())
        for match in _WORD.finditer(text)
        if not any(first <= match.start() < last for first, last in links)
    ]


def _title_case(text: str) -> bool:
    inner = [word for word, span in _words(text) if len(word) > 3 and not _STARTS.search(text[: span[0]])]
    return len(inner) >= FEWEST_FOR_TITLE_CASE and sum(word[0].isupper() for word in inner) >= TITLE_CASE * len(inner)


def _names(text: str) -> list[tuple[str, tuple[int, int]]]:
    """Names and where they stand; none in a text that has most words in capitals."""
    return [] if _title_case(text) else _capitals(text)


def _capitals(text: str) -> list[tuple[str, tuple[int, int]]]:
    """Words with a capital within a sentence, and those before them."""
    words, openers = _words(text), _OPENERS.split()
    starts = [bool(_STARTS.search(text[: span[0]])) for _, span in words]
    capital = [word[0].isupper() and not _I.fullmatch(word) for word, _ in words]
    found = []
    for i, (word, span) in enumerate(words):
        follows = i + 1 < len(words) and capital[i + 1] and not starts[i + 1]
        touching = follows and text[span[1] : words[i + 1][1][0]] == " "
        if capital[i] and (not starts[i] or (touching and word.lower() not in openers)):
            found.append((word, span))
    return found


def _again(source: str, text: str) -> Counter[str]:
    """Long words that a text says more often than the source does, and more than once."""
    now, was = (Counter(word.lower().replace("’", "'") for word in _LONG.findall(part)) for part in (text, source))
    return Counter({word: n for word, n in now.items() if n > max(1, was[word]) and word not in _OFTEN.split()})


def _few(words: Counter[str]) -> str:
    shown = [repr(word) for word in list(words)[:3]]
    return ", ".join(shown) + (", ..." if len(words) > 3 else "")
