"""The errors a user can cause, as one tree; the command line turns each into one line and exit code 2.

InspectError
├── ModelError      a model file that cannot be opened, or is not an image network
├── LayerError      no layer, map or position of that name
├── RuleError       an operator without a rule for the way down
├── ImageError      an image, or a folder of images, that cannot be read
├── SourceError     a server that holds images and does not answer, or images that are no longer what was listed
├── DeviceError     a device that was asked for and is not there
├── OptionError     an option whose value makes no sense here
└── OutputError     a result that cannot be written

A message has three parts: what is wrong, where, and what to do about it.
"""

import contextlib
import difflib
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")

STRUCTURAL = frozenset({"graph", "reading", "rules", "inverse"})  # the rooms whose only input is the graph of a model
WITH_ARRAYS = frozenset(
    {"inverse.inverse", "inverse.projection", "inverse.unit_crops"}
)  # but for what takes images, too


class InspectError(Exception):
    """The root of all errors that a user can cause and mend, in one line whatever is quoted in it."""

    def __init__(self, message: object = "") -> None:
        super().__init__(" ".join(str(message).splitlines()))


class ModelError(InspectError):
    """A model file that cannot be opened, or is not an image network."""


class LayerError(InspectError):
    """No layer, map or position of that name."""


class RuleError(InspectError):
    """An operator without a rule for the way down."""


class ImageError(InspectError):
    """An image, or a folder of images, that cannot be read."""


class SourceError(InspectError):
    """A server that holds images and does not answer, or images that are no longer what was listed."""


class DeviceError(InspectError):
    """A device that was asked for and is not there."""


class OptionError(InspectError):
    """An option whose value makes no sense here."""


class OutputError(InspectError):
    """A result that cannot be written."""


def nearest(name: str, choices: Iterable[str], limit: int = 3) -> str:
    """The choices that look most like `name`, as a phrase for a message; empty if none is near."""
    near = difflib.get_close_matches(name, list(choices), n=limit, cutoff=0.5)
    return f" Did you mean {' or '.join(near)}?" if near else ""


def check_choice(what: str, choice: str, choices: Iterable[str]) -> None:
    """Raise OptionError, with the nearest ones, for a choice that there is not; what: it is called, as method."""
    known = list(choices)
    if choice not in known:
        raise OptionError(f"no {what} '{choice}'.{nearest(choice, known)} There are: {', '.join(known)}.")


def counted(number: int, things: str) -> str:
    """So many things, as messages and captions say it: 10 photos, 1 photo."""
    return f"{number} {things.removesuffix('s') if number == 1 else things}"


def blame(error: Exception, path: str | Path) -> ModelError | None:
    """What to raise in place of what the graph of the model in `path` made the code raise; None for other errors.

    There is no end of malformed graphs, and the libraries that read them raise whatever they like. So what arises in
    the rooms that look at graphs alone is the model's fault.
    """
    module = _module(error.__traceback__)
    structural = module.partition(".")[0] in STRUCTURAL and module not in WITH_ARRAYS
    if isinstance(error, (InspectError, MemoryError)) or not structural:
        return None
    what = f"cannot read the graph of {path}: {_first_line(error)}"
    return ModelError(f"{what}. Export it again, or check it with onnx.checker.")


@contextlib.contextmanager
def blaming_the_model(path: str | Path) -> Iterator[None]:
    """Turn what is the fault of the model in `path` into a ModelError, whose cause it is: see `blame`."""
    try:
        yield
    except Exception as error:
        if (fault := blame(error, path)) is None:
            raise
        raise fault from error


def blames_its_model(network: type[T]) -> type[T]:
    """A class whose methods and properties all turn errors as `blaming_the_model` does; its `path` is the model's."""
    for name, member in list(vars(network).items()):
        if inspect.isfunction(member):
            setattr(network, name, _blaming(member))
        elif isinstance(member, property) and member.fget:
            setattr(network, name, property(_blaming(member.fget), doc=member.__doc__))
        elif isinstance(member, functools.cached_property):
            member.func = _blaming(member.func)
    return network


def _blaming(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def blaming(self: Any, *arguments: Any, **named: Any) -> Any:
        try:
            return method(self, *arguments, **named)
        except Exception as error:
            if (fault := blame(error, self.path)) is None:  # which __init__ sets at first
                raise
            raise fault from error

    return blaming


def _module(traceback: TracebackType | None) -> str:
    """The module of this package in which an error arose, or that called the library in which it did."""
    module = ""
    while traceback is not None:
        package, _, rest = str(traceback.tb_frame.f_globals.get("__name__")).partition(".")
        module = rest if package == "inspectnet" else module
        traceback = traceback.tb_next
    return module


def _first_line(error: BaseException) -> str:
    """What the innermost cause says: the outer ones only say where they were."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, RecursionError):  # whose text speaks of Python
        return "its functions or subgraphs are nested too deeply"
    lines = str(error).strip().splitlines()
    text = lines[0].rstrip(".") if lines else ""
    return text if text and type(error).__module__ != "builtins" else f"{type(error).__name__} {text}".strip()
