"""What an attribution method is: a frozen dataclass of a network and options, with `attribute(x, target)`."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

import numpy as np

from inspectnet.errors import OptionError, nearest
from inspectnet.images import Sources
from inspectnet.methods.targets import Target, Units, checked_images, find_units
from inspectnet.network import Network

M = TypeVar("M", bound="type[Method]")

LARGEST = 1 << 53  # number of an option, up to which floats tell whole numbers apart

METHODS: "dict[str, type[Method]]" = {}
"""All methods, by the names that users say."""


@dataclass(frozen=True, eq=False)
class Method(ABC):
    """An attribution method, ready to explain units of one network. Raises OptionError for a wrong option."""

    name: ClassVar[str]
    """What users call it."""
    net: Network

    def __new__(cls, *_: Any, **options: Any) -> Self:
        """The method; an unknown option is refused here, in words, where Python would raise a TypeError."""
        for name in options:
            if name not in {field.name for field in fields(cls)}:
                raise unknown_option(cls, name)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        if not isinstance(self.net, Network):
            what = f"{self.name} is made for a network that was opened, not for a {type(self.net).__name__}"
            raise OptionError(f"{what}. Give what inspectnet.open gives.")
        for choice in self.takes():
            _check(self.name, choice, getattr(self, choice.name))

    @classmethod
    def takes(cls) -> "list[Field[Any]]":
        """Its options, which `option` made; its other fields say what it is applied to."""
        return [field for field in fields(cls) if "help" in field.metadata]

    @property
    def options(self) -> dict[str, object]:
        """Its options by name, ready for JSON: of an array its shape and sha256."""
        return {choice.name: _told(getattr(self, choice.name)) for choice in self.takes()}

    @property
    def of(self) -> str:
        """The layer whose units targets number; empty for the class scores."""
        return ""

    @property
    def start(self) -> str:
        """The layer whose units stand for targets, perhaps those of classes; empty for the class scores."""
        return self.of

    def attribute(self, x: Sources, target: Target | Sequence[Target] | np.ndarray) -> np.ndarray:
        """What speaks for one unit in each image: float32 of x's shape, signed; of a map method (N, h, w), from 0 up.

        x: photos, or prepared images (N, C, H, W). target: a class by number or name, by its score before the softmax;
        if the method is made for a layer, the number of a map or unit, meaning its strongest position in each image,
        or (map, y, x); of any layer an address, `conv5:212` or `conv5:212@6,6`. A list gives one for each image.
        Raises OptionError for what is no target or no images, LayerError for a unit that does not exist, RuleError
        for an operator without a rule.
        """
        x = checked_images(self.net, x)
        return self.explain(x, find_units(self.net, x, self.start, target))

    @abstractmethod
    def explain(self, x: np.ndarray, units: Units) -> np.ndarray:
        """What `attribute` gives, for checked images x (N, C, H, W) float32 and one unit in each."""


def option(
    help: str, *, default: Any, least: float | None = None, most: float = LARGEST, among: Sequence[str] = ()
) -> Any:
    """A field that is an option: int, float or str, of `least` to `most`, or only words `among` these."""
    return field(default=default, metadata={"help": help, "least": least, "most": most, "among": among})


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(option, field))
def method(name: str) -> Callable[[M], M]:
    """Make a class the method of that name: a frozen dataclass, whose options are the fields made by `option`."""

    def enter(described: M) -> M:
        if name in METHODS:
            raise ValueError(f"two methods called {name}")
        described.name = name
        METHODS[name] = dataclass(frozen=True, eq=False)(described)
        return described

    return enter


def unknown_option(method: type[Method], name: str) -> OptionError:
    """The error for an option that a method does not have, with those that it has."""
    known = method.takes()
    takes = ", ".join(f"{_written(choice)} ({choice.metadata['help']})" for choice in known) or "no options"
    return OptionError(
        f"{method.name} has no option '{name}'.{nearest(name, [o.name for o in known])} It takes {takes}."
    )


def describe_methods() -> str:
    """All methods with the options that each takes, as one text for help."""
    said = ((name, " ".join(map(_written, kind.takes()))) for name, kind in METHODS.items())
    return ", ".join(f"{name} ({options})" if options else name for name, options in said)


def _told(value: Any) -> object:
    if isinstance(value, np.ndarray) and value.ndim:
        return f"array {value.shape} {value.dtype}, sha256 {hashlib.sha256(value.tobytes()).hexdigest()}"
    return value.item() if isinstance(value, np.generic | np.ndarray) else value


def _written(choice: "Field[Any]") -> str:
    """An option with its default, as one writes it."""
    return f"{choice.name}={choice.name.upper() if choice.default == '' else choice.default}"


def _check(owner: str, choice: "Field[Any]", value: Any) -> None:
    """Raise OptionError for a value that the option cannot have; what is no number or text its method looks at."""
    least, most, among = (choice.metadata[name] for name in ("least", "most", "among"))
    if choice.type is str:
        good = isinstance(value, str) and (not among or value in among)
        wanted = f"one of {', '.join(filter(None, among))}" if among else "a text"
    elif choice.type in (int, float):
        kinds = (int, np.integer) if choice.type is int else (int, float, np.integer, np.floating)
        number: Any = value if isinstance(value, kinds) and not isinstance(value, bool) else np.nan
        good = bool(abs(number) <= most) and (least is None or number >= least)
        wanted = "a whole number" if choice.type is int else "a number"
        wanted += "" if least is None else f", {least} or more" if most == LARGEST else f", {least} to {most}"
    else:
        return
    if not good:
        raise OptionError(f"the {choice.name} of {owner} cannot be {value!r}. Choose {wanted}.")
