"""The engine: each image is decoded once, each question is asked of it, and accumulators take in the answers.

A question runs networks and holds nothing; an accumulator holds arrays and knows no network. So the state of a pass
over a part of the images is a handful of arrays, which merge with those of the next part.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, TypeVar

import numpy as np

from inspectnet.images import Collection, Keys, Preparation, Seen, Several, Stream, TenCrops
from inspectnet.images.prepare import Prepared
from inspectnet.network import Network

A_contra = TypeVar("A_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True)
class Rows:
    """Images or tiles that follow each other in the collection, as many as fit a batch."""

    keys: Keys
    """(n, 3): entry of the collection, y and x of the tile."""
    ids: list[str]
    inputs: Mapping[Preparation | TenCrops, Prepared]
    """By preparation (n, C, H, W)."""


class Question(Protocol):
    """What is asked of every row; its answers have names."""

    @property
    def preparations(self) -> tuple[Preparation | TenCrops, ...]:
        """The inputs that it looks at."""

    def __call__(self, rows: Rows) -> Mapping[str, Any]:
        """By name the answer, for an accumulator of that name."""


@dataclass(frozen=True, eq=False)
class NetworkQuestion:
    """A question that one network answers."""

    asks: ClassVar[str] = ""
    """In words what for."""
    network: Network

    @property
    def entries(self) -> Sequence[int] | None:
        """The entries of the collection that it looks at, rising; None for all."""
        return None

    @property
    def preparations(self) -> tuple[Preparation]:
        """The network's own."""
        return (self.network.preparation,)

    def inputs(self, rows: Rows) -> Prepared:
        """(n, C, H, W): what the network sees of the rows."""
        return rows.inputs[self.network.preparation]


class Sink(Protocol[A_contra]):
    """Takes in the answers to rows."""

    def update(self, keys: Keys, answer: A_contra) -> None:
        """Take in the answer to the rows of these keys (n, 3), which follow all earlier ones."""


class Accumulator(Sink[A_contra], Protocol[A_contra, R_co]):
    """Answers to all rows so far, in bounded memory or a few numbers for each row.

    For any split of a collection into parts that follow each other, and any batches, the accumulators of the parts,
    merged in order in any grouping, give the bits of one pass. An implementation says what makes it so.
    """

    def merge(self, later: Self) -> None:
        """Take in an accumulator of rows that follow all of these."""

    def result(self) -> R_co:
        """What is known now."""


def scan(
    collection: Collection,
    asked: Sequence[tuple[Question, Mapping[str, Sink[Any]]]],
    *,
    tile: bool = False,
    part: range | None = None,
    numbers: Sequence[int] | None = None,
    batch_size: int = 16,
    threads: int | None = None,
    advance: Callable[[int], object] = lambda n: None,
) -> Seen:
    """One pass over a collection: every accumulator, or sink, gets the answers of its name; gives what was read.

    tile: photos are cut into tiles of the network's size, each a row, which all questions want prepared in one way.
    part: the entries to read, if not all, which then may all be unreadable. numbers: what the entries are called in
    keys, by default 0, 1, 2 ... Memory does not grow with the
    collection but for what accumulators keep. advance gets 1 for each entry.
    Raises ImageError if no image could be read, and what questions raise.
    """
    ways = tuple(dict.fromkeys(way for question, _ in asked for way in question.preparations))
    several = Several(ways) if len(ways) > 1 else None
    stream = Stream(
        collection, several or ways[0], batch_size=batch_size, threads=threads, tile=tile, part=part, advance=advance
    )
    for batch in stream:
        inputs = several.split(batch.x) if several else [batch.x]
        keys = batch.keys
        if numbers is not None:
            keys = np.column_stack([np.asarray(numbers, np.int64)[keys[:, 0]], keys[:, 1:]])
        rows = Rows(keys, batch.ids, dict(zip(ways, inputs, strict=True)))
        for question, accumulators in asked:
            answers = question(rows)
            for name, sink in accumulators.items():
                sink.update(rows.keys, answers[name])
    if part is None:
        stream.seen.refuse_nothing()
    return stream.seen
