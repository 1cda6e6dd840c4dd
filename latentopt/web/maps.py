"""Latents of many texts in a plane."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from latentopt.errors import LatentoptError
from latentopt.evaluation.latents import Plane
from latentopt.space import LatentSpace
from latentopt.tables import Table, numeric_column, read_table
from latentopt.web.controls import Control

FEWEST_POINTS, MOST_POINTS = 3, 2_000
CHUNK = 64  # texts that are encoded at once
NEIGHBOURS = 5


@dataclass(frozen=True)
class Map:
    """Texts where their latents lie.

    texts: n. embeddings: what they mean, (n, e). points: (n, 2), in the plane. values: by name, what they can be
    coloured by, (n,) each.
    """

    texts: list[str]
    embeddings: Tensor
    plane: Plane
    points: Tensor
    values: dict[str, list[float]]

    def nearest(self, space: LatentSpace, text: str) -> list[str]:
        """The texts whose meaning is nearest to a text's."""
        here = space.embed(space.pooled(space.encode([text])))
        found = (self.embeddings @ here.T)[:, 0].topk(min(NEIGHBOURS, len(self.texts)))
        return [self.texts[i] for i in found.indices.tolist()]

    def place(self, space: LatentSpace, texts: list[str]) -> Tensor:
        """Points (n, 2) of other texts."""
        return self.plane(space.pooled(space.encode(texts)))


def read_corpus(path: str, column: str, numbers: str) -> Table:
    """The texts of a file as the column "text", and a column of numbers to colour by, where one is named.

    Raises:
        LatentoptError: as `read_table`, and for fewer or more texts than a map shows.
    """
    table = read_table(path, columns=[column, *([numbers] if numbers else [])]).only_texts(column)
    if numbers:
        table = numeric_column(table, numbers)
    if not FEWEST_POINTS <= len(table) <= MOST_POINTS:
        raise LatentoptError(
            f"a map shows {FEWEST_POINTS} to {MOST_POINTS:,} texts, got {len(table):,}; give more, or a part of them"
        )
    return Table(table.frame.rename(columns={column: "text"}), table.errors, table.name)


class Part(NamedTuple):
    """A part of a corpus: c pooled latents (c, m), and by name what their texts can be coloured by, (c,) each."""

    z: Tensor
    colours: dict[str, list[float]]


def encoded(space: LatentSpace, corpus: Table, controls: Collection[Control]) -> Iterator[Part]:
    """The texts of a corpus, see `read_corpus`, part by part; each control says what they can be coloured by."""
    texts = corpus.frame["text"].tolist()
    for start in range(0, len(texts), CHUNK):
        some = texts[start : start + CHUNK]
        z = space.pooled(space.encode(some))
        yield Part(z, {name: values for each in controls for name, values in each.colours(z, some).items()})


def draw_map(space: LatentSpace, corpus: Table, parts: Sequence[Part]) -> Map:
    """The map of a corpus of all these parts; its own columns come before what controls say."""
    values = {name: corpus.frame[name].tolist() for name in corpus.frame.columns if name != "text"}
    for name in parts[0].colours:
        values.setdefault(name, [value for part in parts for value in part.colours[name]])
    z = torch.cat([part.z for part in parts])
    plane = Plane.fit(z)
    return Map(corpus.frame["text"].tolist(), space.embed(z), plane, plane(z), values)
