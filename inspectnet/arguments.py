"""Arguments: a function that users call refuses what its annotations do not allow, in one line, before any work."""

import functools
import inspect
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar, Union, get_args, get_origin

import numpy as np

from inspectnet.errors import OptionError

P = ParamSpec("P")
R = TypeVar("R")

WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "True or False", type(None): "None"}


class _Pillow:
    Image = object  # it is not imported for its annotation, and what takes images looks at them itself


def checks_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """The function, which raises OptionError for arguments of other types than it says, and for negative numbers.

    It gets Python's numbers for NumPy's scalars.
    """

    @functools.wraps(function)
    def checked(*arguments: P.args, **named: P.kwargs) -> R:
        bound, hints = inspect.signature(function).bind(*arguments, **named), _hints(function)
        for name, value in bound.arguments.items():
            bound.arguments[name] = _plain(value)
            _check(name, bound.arguments[name], hints[name])
        return function(*bound.args, **bound.kwargs)

    return checked


@functools.cache
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    said = {name: hint for name, hint in function.__annotations__.items() if name != "return"}
    holder = types.SimpleNamespace(__annotations__=said)
    return typing.get_type_hints(holder, function.__globals__, {"Image": _Pillow})


def _check(name: str, value: Any, hint: Any) -> None:
    """Raise OptionError for a value that an annotation does not allow; of sequences the members are looked at too."""
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if not any(_is(value, option) for option in options):
        wanted = " or ".join(dict.fromkeys(map(_word, options)))
        raise OptionError(f"{name} is {wanted}, not {_shown(value)}.")
    if int in options and name != "target" and isinstance(value, int) and value < 0:
        raise OptionError(f"{name} cannot be {value}. Choose a whole number, 0 or more.")


def _plain(value: Any) -> Any:
    """The same, NumPy's scalars in it as Python's numbers: what asks for an int would not know them."""
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    return value.item() if isinstance(value, np.integer | np.floating) else value


def _is(value: Any, hint: Any) -> bool:
    kind = get_origin(hint) or hint
    if kind in (int, float):
        numbers = (int, np.integer) if kind is int else (int, float, np.integer, np.floating)
        return isinstance(value, numbers) and not isinstance(value, bool)
    if kind is Sequence:
        (member,) = get_args(hint)
        several = isinstance(value, Sequence | np.ndarray) and not isinstance(value, str)
        return several and (not inspect.isclass(member) or all(_is(one, member) for one in value))
    if kind is tuple:
        return isinstance(value, list | tuple) and len(value) == len(get_args(hint))
    return not inspect.isclass(kind) or isinstance(value, kind)


def _word(hint: Any) -> str:
    kind = get_origin(hint) or hint
    if kind is Sequence:
        return f"several, each {_word(get_args(hint)[0])}"
    if kind is tuple:
        return f"{len(get_args(hint))} of {_word(get_args(hint)[0])}"
    return WORDS.get(kind, f"a {getattr(kind, '__name__', kind)}")


def _shown(value: Any) -> str:
    plain = isinstance(value, str | int | float | list | tuple | type(None))
    text = repr(value) if plain else f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."
