"""Parts: what the axes of a value are made of, through any number of Reshapes and Transposes.

An axis is a product of parts, each a letter and an extent: windows of 4 x 4 places have images, H / 4 and W / 4 on one
axis. A Reshape cuts parts up and puts them together; where these come back to what they were, the axes do.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from inspectnet.graph.extents import Extent, images_in

BATCH_EXTENT = 999_999_937  # stands for the number of images, where it is free: a prime, so that it is met in whole


class Part(NamedTuple):
    """A part of an axis."""

    letter: str
    extent: int
    stride: int = 1
    """How many places of the whole, as the rows of an image, are between two of its own."""


Axis = tuple[Part, ...]  # the outermost part first; none for an axis that was added


def number(extent: Extent) -> int:
    """An extent as a number; one that is not known counts as the number of images."""
    return extent if isinstance(extent, int) else (images_in(extent) or 1) * BATCH_EXTENT


def solved(above: Sequence[Extent], places: int) -> list[int] | None:
    """The extents of what holds so many places, one of them unknown at the most; None if they cannot be."""
    open_ = [i for i, n in enumerate(above) if images_in(n) is None]
    numbers = [1 if i in open_ else number(n) for i, n in enumerate(above)]
    whole = math.prod(numbers)
    if len(open_) > 1 or whole <= 0 or places % whole:
        return None
    return [places // whole if i in open_ else n for i, n in enumerate(numbers)]


def size(axis: Axis) -> int:
    """How many places an axis has."""
    return math.prod(part.extent for part in axis)


def regroup(below: Sequence[Axis], above: Sequence[int]) -> list[Axis]:
    """The axes, of the extents `above`, after a Reshape: parts below and extents of the same size belong together."""
    parts, out = [part for axis in below for part in axis], list[Axis]()
    while len(out) < len(above):
        wanted = above[len(out)]
        if wanted == 1:  # an axis that was there already, or a new one
            out.append((parts.pop(0),) if parts and parts[0].extent == 1 else ())
            continue
        run = _run(parts, above[len(out) :])
        if run is None:
            return [*out, *_unknown(above[len(out) :])]
        used, count = run
        behind = above[len(out) + count :]
        while behind[:1] != [1] and used < len(parts) and parts[used].extent == 1:  # left out, but not forgotten
            used += 1
        out += _shared(parts[:used], above[len(out) : len(out) + count])
        del parts[:used]
    return out


def _run(parts: Sequence[Part], above: Sequence[int]) -> tuple[int, int] | None:
    """How many parts and how many extents, at the least, hold as many places as each other; None if none do."""
    left, right, used, count = 1, above[0], 0, 1
    while left != right or not used:
        if left <= right and used < len(parts):
            left, used = left * parts[used].extent, used + 1
        elif right < left and count < len(above):
            right, count = right * above[count], count + 1
        else:
            return None
    return used, count


def _shared(run: Sequence[Part], above: Sequence[int]) -> list[Axis]:
    """The parts of `run` on axes of the extents `above`, which hold as many places."""
    if len(above) == 1:
        return [_joined(run)]
    kinds = {part.letter for part in run if part.extent != 1}
    if kinds == {"T"} and len(above) == 2 and len(run) == 1:
        return [(Part(c, n),) for c, n in zip("HW", above, strict=True)]
    whole = len(kinds - {"N"}) == 1 and not kinds & set("T?")
    return _filled(list(run), above) if whole else _unknown(above)


def _filled(run: list[Part], above: Sequence[int]) -> list[Axis]:
    """The parts one after the other, cut where an axis ends; unknown if they do not fit."""
    out = []
    for wanted in above:
        axis: list[Part] = []
        while (missing := wanted // size(tuple(axis))) != 1:
            letter, extent, stride = run.pop(0)
            if extent % missing == 0 and extent != missing:
                inner = extent // missing
                run.insert(0, Part(letter, inner, stride))
                extent, stride = missing, stride * inner
            elif missing % extent:
                return _unknown(above)
            axis.append(Part(letter, extent, stride))
        out.append(_joined(axis))
    return out


def _unknown(above: Sequence[int]) -> list[Axis]:
    return [(Part("?", n),) for n in above]


def _joined(run: Sequence[Part]) -> Axis:
    """The parts as one axis, those that were cut apart in one again."""
    axis: list[Part] = []
    for part in run:
        before = axis[-1] if axis else part
        if axis and before.letter == part.letter and before.stride == part.extent * part.stride:
            axis[-1] = Part(part.letter, before.extent * part.extent, part.stride)
        else:
            axis.append(part)
    return tuple(axis)


def make_wholes(parts: Sequence[Part]) -> bool:
    """Whether the parts of each letter, put together, are the whole axis that they were cut from, each once."""
    for letter in {part.letter for part in parts}:
        own = sorted((part for part in parts if part.letter == letter), key=lambda part: -part.stride)
        inner = [part.extent * part.stride for part in own[1:]] + [1]
        if any(part.stride != n for part, n in zip(own, inner, strict=True)):
            return False
    return True


def letter_of(axis: Axis, others: Sequence[Axis]) -> str:
    """What an axis is, beside the other axes of its value; `?` where that is several things at once.

    Channels and places together are channels, as in a flat map; beside further channels they are places, as in pixels
    that were shuffled.
    """
    kinds = list(dict.fromkeys(part.letter for part in axis if part.extent != 1 or part.letter == "N"))
    kinds = kinds or [part.letter for part in axis][:1] or ["?"]
    if len(kinds) == 1:
        return kinds[0]
    if "N" in kinds or "?" in kinds:
        return "?"
    if "C" not in kinds:
        return "T"
    shuffled = kinds[1:] == ["C"] and any(
        {part.letter for part in other if part.extent != 1} == {"C"} for other in others
    )
    return kinds[0] if shuffled else "C"
