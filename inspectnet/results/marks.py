"""Marks: what fields of a result say beside their types, by which a result is held to what belongs together.

``Annotated[np.ndarray, Axes("maps epochs 2", "int64")]`` has an axis as long as those that other fields call "maps".
Axes of the parts of a tuple or a mapping are their own, unless the whole has some of that name.
"""

import dataclasses
import functools
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from inspectnet.results.record import join

Extents = dict[str, Any]
MOST = 1 << 62  # that a whole number may be


@dataclass(frozen=True)
class Axes:
    """How long an array, a tuple or a mapping is, of which the latter have the same names too; or what a number is."""

    names: str
    """A word for each axis, or its length; with + it is not empty, maps+1 is longer by one; | parts alternatives."""
    dtype: str = ""
    nan: bool = False
    """Whether it may hold numbers that are not finite."""

    def check(self, value: Any, extents: Extents, path: str) -> None:
        """Note how long axes are that have not been seen yet. Raises ValueError for others of the same name."""
        shape = value.shape if isinstance(value, np.ndarray) else (value if isinstance(value, int) else len(value),)
        names = next((way.split() for way in self.names.split("|") if len(way.split()) == len(shape)), None)
        if self.dtype and str(value.dtype) != self.dtype:
            raise ValueError(f"{path} holds {value.dtype}, not {self.dtype}")
        if names is None:
            raise ValueError(f"{path} has {len(shape)} axes, not {self.names}")
        for name, length in zip(names, shape, strict=True):
            word, plus, more = name.partition("+")
            extra = int(more or 0)
            wanted = extra + (int(word) if word.isdecimal() else extents.setdefault(word, length - extra))
            if length != wanted or (plus and length < 1):
                raise ValueError(f"{path} has {length} {word}, not {wanted or 'one or more'}")
        if isinstance(value, Mapping) and set(value) != (keys := extents.setdefault(f"by {word}", set(value))):
            raise ValueError(f"{path} is by {', '.join(value)}, not by {', '.join(keys)}")


@dataclass(frozen=True)
class Below:
    """Whole numbers from `least` on that are below how long an axis is."""

    axis: str
    least: int = 0

    def check(self, value: Any, extents: Extents, path: str) -> None:
        """Raise ValueError for other numbers."""
        numbers, end = np.asarray(value), extents[self.axis]
        if numbers.size and not self.least <= numbers.min() <= numbers.max() < end:
            raise ValueError(f"{path} is beyond the {end} {self.axis}")


def refuse_misfits(value: object, kind: Any, path: str = "", extents: Extents | None = None) -> None:
    """Raise ValueError, which names the place, for a value of a type whose marks, or whose numbers, it does not fit."""
    extents, later = {} if extents is None else extents, list[Callable[[], None]]()
    _look(value, kind, path, extents, later)
    for check in later:
        check()


def _look(value: Any, kind: Any, path: str, extents: Extents, later: list[Callable[[], None]]) -> None:
    """Check what tells how long axes are; to `later` go the checks that need to know them all."""
    if value is None or kind is object:
        return
    finite = True
    while get_origin(kind) in (Annotated, Union, types.UnionType):
        kind, *marks = [one for one in get_args(kind) if one is not types.NoneType]
        for mark in marks:
            if isinstance(mark, Axes):
                mark.check(value, extents, path)
                finite = not mark.nan
            elif isinstance(mark, Below):
                later.append(functools.partial(mark.check, value, extents, path))
    if dataclasses.is_dataclass(value):
        whole: Any = type(value)
        for name, hint in _hints(whole):
            _look(getattr(value, name), hint, join(path, name), extents, later)
    elif isinstance(value, tuple | Mapping):
        item = get_args(kind)[-1 - isinstance(value, tuple)] if get_args(kind) else int
        parts = value.items() if isinstance(value, Mapping) else enumerate(value)
        later += [_of_its_own(part, item, join(path, str(name)), extents) for name, part in parts]
    elif isinstance(value, np.ndarray):
        if finite and value.dtype.kind == "f" and not np.isfinite(value).all():
            raise ValueError(f"{path} holds NaN or infinity")
    elif isinstance(value, int | float) and not abs(value) < MOST:
        raise ValueError(f"{path} is {value}")


def _of_its_own(value: object, kind: Any, path: str, extents: Extents) -> Callable[[], None]:
    """The check of a part whose axes are not those of other parts."""
    return lambda: refuse_misfits(value, kind, path, dict(extents))


@functools.cache
def _hints(kind: Any) -> list[tuple[str, Any]]:
    hints = get_type_hints(kind, include_extras=True)
    return [(field.name, hints[field.name]) for field in dataclasses.fields(kind)]
