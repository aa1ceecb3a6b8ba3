"""Arguments: a function that users call refuses what its annotations do not allow, in one line, before any work."""

import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ParamSpec, TypeVar, Union, get_args, get_origin

import numpy as np

from inspectnet.errors import OptionError

P = ParamSpec("P")
R = TypeVar("R")

Share = Annotated[float, 0, 1]
Count = Annotated[int, 1, 1_000_000]
WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "True or False", type(None): "None"}
MOST, LARGEST = 1 << 31, 1e30  # that whole numbers are below, those of seeds apart, and others


class _Pillow:
    Image = object  # it is not imported for its annotation, and what takes images looks at them itself


def checks_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """The function, which raises OptionError for arguments of other types than it says, and for negative numbers.

    Numbers are finite, those of `Annotated` within its bounds. It gets Python's numbers and lists for NumPy's.
    """

    @functools.wraps(function)
    def checked(*arguments: P.args, **named: P.kwargs) -> R:
        hints = _hints(function)
        try:
            bound = inspect.signature(function).bind(*arguments, **named)
        except TypeError as error:
            raise OptionError(f"{function.__name__}: {error}. It takes {', '.join(hints)}.") from None
        for name, value in bound.arguments.items():
            bound.arguments[name] = _plain(value, hints[name])
            _check(name, bound.arguments[name], hints[name])
        return function(*bound.args, **bound.kwargs)

    return checked


@functools.cache
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    said = {name: hint for name, hint in function.__annotations__.items() if name != "return"}
    holder = types.SimpleNamespace(__annotations__=said)
    return typing.get_type_hints(holder, function.__globals__, {"Image": _Pillow}, include_extras=True)


def _check(name: str, value: Any, hint: Any) -> None:
    """Raise OptionError for a value that an annotation does not allow, or that holds one."""
    if not _is(value, hint):
        raise OptionError(f"{name} is {_word(hint)}, not {_shown(value)}.")
    whole = value if int in _options(hint) and name != "target" and isinstance(value, int) else 0
    if whole < 0 or (whole >= MOST and name != "seed"):
        raise OptionError(f"{name} cannot be {value}. Choose a whole number, 0 or more{', below 2^31' * (whole > 0)}.")


def _plain(value: Any, hint: Any = Any) -> Any:
    """The same, NumPy's numbers in it as Python's: what asks for an int, or for several, would not know them."""
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    listed = isinstance(value, np.ndarray) and not _is(value, hint)
    return value.tolist() if listed or isinstance(value, np.integer | np.floating) else value


def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _is(value: Any, hint: Any) -> bool:
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, types.UnionType):
        return any(_is(value, option) for option in inner)
    if kind is Annotated:
        return _is(value, inner[0]) and inner[1] <= value <= inner[2]
    if kind in (int, float):
        return (
            isinstance(value, int if kind is int else int | float)
            and not isinstance(value, bool)
            and (kind is int or -LARGEST < value < LARGEST)
        )
    if kind is Sequence:
        return isinstance(value, Sequence) and not isinstance(value, str) and all(_is(one, inner[0]) for one in value)
    if kind is Mapping:
        return isinstance(value, Mapping) and all(_is(one, inner[1]) for one in value.values())
    if kind is tuple:
        return isinstance(value, list | tuple) and len(value) == len(inner) and all(map(_is, value, inner))
    return kind is Any or not inspect.isclass(kind) or isinstance(value, kind)


def _word(hint: Any) -> str:
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(_word, inner)))
    if kind is Annotated:
        return f"{_word(inner[0])} of {inner[1]} to {inner[2]}"
    if kind is Sequence:
        return f"several, each {_word(inner[0])}"
    if kind is Mapping:
        return "a Mapping" if inner[1] is Any else f"{_word(inner[1])} by name"
    if kind is tuple:
        return f"{len(inner)} of {_word(inner[0])}"
    return WORDS.get(kind, f"a {getattr(kind, '__name__', kind)}")


def _shown(value: Any) -> str:
    plain = isinstance(value, str | int | float | list | tuple | type(None))
    text = " ".join(repr(value).split()) if plain else f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."
