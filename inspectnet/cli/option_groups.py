"""Options that go together as one parameter of a command: a dataclass, whose fields are the options."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import wraps
from inspect import Parameter
from typing import Any, TypeVar

from inspectnet.cli.options import Request, request

Result = TypeVar("Result")


def expose_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """The command as typer reads and calls it: with the options themselves where it takes them as a dataclass."""
    parameters = inspect.signature(command).parameters.values()

    @wraps(command)
    def taking_options(**said: Any) -> Result:
        request.set(Request(command.__name__, said))
        return command(**{parameter.name: _gather(parameter, said) for parameter in parameters})

    shown = [option for parameter in parameters for option in _options(parameter)]
    vars(taking_options)["__signature__"] = inspect.Signature(shown)
    return taking_options


def _options(parameter: Parameter) -> list[Parameter]:
    """The options that a parameter stands for: those of its fields, which may have fields again, or itself."""
    if not (fields := _fields(parameter)):
        return [parameter.replace(kind=Parameter.KEYWORD_ONLY)]
    return [option for field in fields for option in _options(field)]


def _gather(parameter: Parameter, said: Mapping[str, Any]) -> Any:
    """What the user said for a parameter, as the command wants it."""
    if not (fields := _fields(parameter)):
        return said[parameter.name]
    return parameter.annotation(**{field.name: _gather(field, said) for field in fields})


def _fields(parameter: Parameter) -> list[Parameter]:
    """The fields of a parameter that is a dataclass; none of any other."""
    known = is_dataclass(parameter.annotation)
    return list(inspect.signature(parameter.annotation).parameters.values()) if known else []
