"""Which class of a network an image is filed under: labels are matched against all that its classes are called."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import ImageError, OptionError, nearest
from inspectnet.images.collection import Collection, Entry

WORDNET_ID = re.compile(r"n\d{8}(?![0-9A-Za-z])")  # of ImageNet's classes: n01443537, n01443537_goldfish
Names = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Targets:
    """Images whose right answer is known."""

    collection: Collection
    """Those images alone."""
    classes: NDArray[np.int64]
    """(images,) the number of each one's class."""
    names: tuple[str, ...]
    """What each class is called, all different."""
    guessed: bool
    """Whether the classes have no names, and the labels, sorted, were taken for them."""
    left_out: dict[str, int]
    """How many images were left out of each label that means no class, or several; "" is no label at all."""


def match_labels(collection: Collection, count: int, names: Names = ()) -> Targets:
    """The images of a collection whose label means one of `count` classes, and which.

    names: all that each class is called, the name to show last. A label is, in this order, one of those names, a
    WordNet id at its beginning or at theirs, or the number of a class. Without names, labels that are as many as
    the classes stand for them in sorted order, as torchvision's ImageFolder has it. Images without a label may bear
    a WordNet id at the beginning of their file's name. Raises ImageError, OptionError if nothing can be matched.
    """
    labels = [_label(entry) for entry in collection]
    known = sorted(set(labels) - {""})
    if not known:
        raise ImageError(
            f"no image in {collection.source or 'memory'} has a label. Give a folder for each class, or a list."
        )
    guessed = not names and any(_number(label) is None for label in known)
    meant = _in_order(known, count) if guessed else _meanings(known, count, names)
    kept = [i for i, label in enumerate(labels) if label in meant]
    return Targets(
        collection.of(kept),
        np.array([meant[labels[i]] for i in kept], np.int64),
        _shown([synonyms[-1] for synonyms in names] or (known if guessed else [str(i) for i in range(count)])),
        guessed,
        dict(Counter(label for label in labels if label not in meant)),
    )


def all_names(own: Sequence[str], table: Names, count: int) -> Names | None:
    """All that each of `count` classes is called: by the model, if it names them, and in the rows of a table.

    A row belongs to the class whose own name is in it; failing that, rows stand in the order of the classes. None
    if they do not fit.
    """
    rows: dict[str, list[int]] = {}
    for i, row in enumerate(table):
        for name in set(row):
            rows.setdefault(name, []).append(i)
    places = [rows.get(name, []) for name in own]
    if own and all(len(place) == 1 for place in places):
        return [(name, *table[place[0]]) for name, place in zip(own, places, strict=True)]
    if len(table) != count or any(place and i not in place for i, place in enumerate(places)):
        return None
    return [(*own[i : i + 1], *row) for i, row in enumerate(table)]


def _label(entry: Entry) -> str:
    """What the image is filed under; empty if under nothing."""
    return entry.label or _wordnet_id(PurePosixPath(entry.id).name)


def _wordnet_id(text: str) -> str:
    """The id that a text begins with; empty if with none."""
    id = WORDNET_ID.match(text)
    return id[0] if id else ""


def _number(label: str) -> int | None:
    return int(label) if label.isascii() and label.isdecimal() else None


def _in_order(labels: Sequence[str], count: int) -> dict[str, int]:
    """The class of each label if sorted labels are the classes."""
    if len(labels) != count:
        what = f"the model's {count} classes have no names, and the images {len(labels)} labels, as '{labels[0]}'"
        raise OptionError(f"{what}. Say --classes FILE.")
    return {label: i for i, label in enumerate(labels)}


def _meanings(labels: Sequence[str], count: int, names: Names) -> dict[str, int]:
    """The class of each label that means exactly one."""
    exact, ids = dict[str, set[int]](), dict[str, set[int]]()
    for i, called in enumerate(names):
        for name in called:
            exact.setdefault(name, set()).add(i)
            ids.setdefault(_wordnet_id(name), set()).add(i)
    classes = {}
    for label in labels:
        id, number = _wordnet_id(label), _number(label)
        meant = exact.get(label) or (ids.get(id) if id else None)
        if number is not None and not meant:
            meant = {number} if number < count else None
        if meant and len(meant) == 1:
            classes[label] = min(meant)
    lost = [label for label in labels if label not in classes]
    if lost and (not names or not classes):  # numbers that begin at 1 would all be off by one
        shown = [called[-1] for called in names]
        known = f"as '{shown[0]}'.{nearest(lost[0], shown)}" if shown else f"which have the numbers 0 to {count - 1}."
        raise OptionError(f"the label '{lost[0]}' is none of the model's {count} classes, {known} Say --classes FILE.")
    return classes


def _shown(names: Sequence[str]) -> tuple[str, ...]:
    """The names, with its number after each that several classes share."""
    uses = Counter(names)
    return tuple(name if uses[name] == 1 else f"{name} ({i})" for i, name in enumerate(names))
