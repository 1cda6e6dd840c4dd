"""What the page does, without the page: a model, what can be asked of it, and the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from latentopt.editing import Edit, Effort, Floors, Sum, TextEditor, Wish, standard
from latentopt.editing.constraints import KINDS, NAMES, Constraint, Keep, KeepNames
from latentopt.errors import LatentoptError
from latentopt.tables import read_table
from latentopt.web.controls import Answer, Control, controls_of

if TYPE_CHECKING:
    from latentopt.editing.measure import SecondOpinion, ShownOpinion
    from latentopt.space import LatentSpace

KEPT = [*KINDS, NAMES]  # what the chips under the text name
MOST_CHARACTERS = 1_000  # of a text; models of short texts read far fewer
MOST_WORDS = 20  # that are kept by name
MOST_ROWS = 500  # of a file that is edited; `latentopt optimize` takes any number
FILES = [".csv", ".tsv", ".json", ".jsonl", ".txt"]
STEPS = 11  # texts between two texts
GLANCE = Effort(rows=16, scored=8)  # of the first edits, so that a person soon has something to read


@dataclass(frozen=True)
class Asked:
    """What a person has asked for.

    answers: of the controls that are chosen. kept: kinds that stay as they are, of KEPT. words: further words that
    stay. length: most characters of an edit. Raises LatentoptError for what the page does not take, since a client may
    send anything.
    """

    answers: Mapping[str, Answer] = field(default_factory=dict)
    kept: Sequence[str] = tuple(KEPT)
    words: Sequence[str] = ()
    length: int | None = None

    def __post_init__(self) -> None:
        if len(self.words) > MOST_WORDS or any(len(word) > 100 for word in self.words):
            raise LatentoptError(f"at most {MOST_WORDS} words, each of 100 characters, can be kept by name; name fewer")
        if self.length is not None and self.length < 1:
            raise LatentoptError(f"an edit has 1 character or more, got {self.length}; leave the field empty")


@dataclass(frozen=True)
class Rung:
    """One strength of a sweep.

    asked: the answer of the control. text: what it led to. value: predicted for that, in the property's unit, or along
    the direction. meaning, fluency: as of a candidate; 1 and 0 where the text stayed as it was.
    """

    asked: float
    text: str
    value: float
    meaning: float
    fluency: float


class Desk:
    """A model as the page uses it. It holds nothing of any one person: many may use it at once.

    Args:
        space: the model; its own heads and directions are the controls.
        heads: directories of further heads.
        floors: of its editors. glance, effort: of the first edits of a text, and of those that replace them.
    """

    def __init__(
        self,
        space: LatentSpace,
        *,
        heads: Sequence[Path] = (),
        floors: Floors = Floors(),  # noqa: B008 (frozen)
        glance: Effort = GLANCE,
        effort: Effort = Effort(),  # noqa: B008 (frozen)
    ) -> None:
        self.space = space
        self.floors = floors
        self.glance = glance
        self.effort = effort
        self.controls: dict[str, Control] = {control.name: control for control in controls_of(space, list(heads))}
        self._last: TextEditor | None = None

    def ask_at_each_layer(self, look: Callable[[], None]) -> None:
        """Have `look` called before each layer of the network computes, some hundred times a second.

        What it raises ends the work; the next begins as if that had not been.
        """
        for module in self.space.model.modules():
            if isinstance(module, nn.ModuleList):
                for layer in module:
                    layer.register_forward_pre_hook(lambda *_: look())

    def editor(self, asked: Asked, text: str) -> TextEditor:
        """The editor of a text; raises LatentoptError where nothing is wished for, or what it names is not there."""
        z = self.space.pooled(self.space.encode([one_text(text)]))
        wishes: list[tuple[float, Wish]] = []
        readers: dict[str, SecondOpinion] = {}
        opinions: dict[str, ShownOpinion] = {}
        for name, answer in asked.answers.items():
            control = self._control(name)
            wishes.append((1.0, control.wish(answer, z, text)))
            readers.update(control.readers())
            opinions.update(control.opinions())
        if not wishes:
            raise LatentoptError("choose what shall change")
        constraints = standard(
            free=[kind for kind in KEPT if kind not in asked.kept],
            # Slashes would make it a regular expression, and one of a stranger's may run for hours.
            keep=[bare for word in asked.words if (bare := word.strip().strip("/").strip())],
            max_length=asked.length,
        )
        goal = Sum(wishes)
        # A copy of the last editor knows which words such constraints forbid, which takes a second to find out.
        editor = copy(self._last) if self._last else TextEditor(self.space, goal, floors=self.floors)
        editor.set_params(goal=goal, constraints=constraints, readers=readers, opinions=opinions, effort=self.effort)
        self._last = editor
        return editor

    def edit(self, asked: Asked, text: str) -> Edit:
        """The edit of a text; raises as `editor`."""
        return self.editor(asked, text).edit([text])[0]

    def edits(self, asked: Asked, text: str) -> Iterator[Edit]:
        """The same, after what little effort finds and what may be found on the way; raises as `editor`."""
        rounds = self.editor(asked, text).rounds(text, glance=self.glance)
        first = next(rounds)
        yield first
        for edit in rounds:
            if edit.candidates or not first.candidates:  # what was shown does not vanish for nothing
                yield edit

    def sweep(self, name: str, asked: Asked, text: str) -> Iterator[Rung]:
        """Edits of a text at rising answers of one control, all other wishes left out; raises as `editor`."""
        if not (ladder := self._control(name).ladder):
            raise LatentoptError(f"{name} has classes and no strengths; choose a count, a number or a direction")
        for answer in ladder:
            edit = self.edit(Asked({name: answer}, asked.kept, asked.words, asked.length), text)
            if edit.candidates:
                best = edit.candidates[0]
                yield Rung(answer, best.text, best.realised[name].value, best.meaning, best.fluency)
            else:
                yield Rung(answer, edit.source, edit.predicted[name].value, 1.0, 0.0)

    def between(self, first: str, last: str) -> list[str]:
        """The texts on the way from one to the other: both as they are, and what the model writes between them."""
        written = self.space.interpolate([one_text(first)], [one_text(last)], steps=STEPS)[0]
        return [first, *written[1:-1], last]

    def _control(self, name: str) -> Control:
        if name not in self.controls:
            raise LatentoptError(f"{name}: there is no such property; known: {', '.join(self.controls) or 'none'}")
        return self.controls[name]


def one_text(text: str) -> str:
    """The text; raises LatentoptError where it is blank or too long for the page."""
    if not text or not text.strip():
        raise LatentoptError("write a text first")
    if len(text) > MOST_CHARACTERS:
        raise LatentoptError(f"the page takes texts of up to {MOST_CHARACTERS:,} characters, got {len(text):,}")
    return text


def one_file(path: str) -> str:
    """The path of a file that was given to the page; raises LatentoptError for what it does not take.

    A folder may hold what others gave; archives and parquet may hold far more than their size says.
    """
    if not Path(path).is_file() or Path(path).suffix.lower() not in FILES:
        raise LatentoptError(f"the page takes files whose names end in {', '.join(FILES)}, got {Path(path).name}")
    return path


def texts_to_edit(path: str, column: str) -> list[str]:
    """The texts of a file; raises LatentoptError as `one_file` and `read_table`, and for more than the page takes."""
    texts = read_table(one_file(path), columns=[column]).only_texts(column).frame[column].tolist()
    if not 1 <= len(texts) <= MOST_ROWS:
        raise LatentoptError(
            f"the page edits files of 1 to {MOST_ROWS} texts, got {len(texts):,}; "
            "`latentopt optimize --input` takes more"
        )
    return texts


def stays(text: str) -> dict[str, list[str]]:
    """What a text has of each kind in KEPT."""
    constraints: dict[str, Constraint] = {kind: Keep(kind) for kind in KINDS} | {NAMES: KeepNames()}
    return {kind: [text[first:last] for first, last in constraints[kind].kept(text)] for kind in KEPT}
