"""The base of all results: what an analysis found, and all that decides it."""

import dataclasses
import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from inspectnet.errors import OptionError, counted
from inspectnet.results.marks import Axes, refuse_misfits
from inspectnet.results.record import decode

LONGEST = 60  # characters of a value in a repr


@dataclass(frozen=True)
class Preprocess:
    """How photos become inputs: see `Preparation`."""

    input_size: tuple[int, int, int]
    mean: Annotated[tuple[float, ...], Axes("channels+")]
    std: Annotated[tuple[float, ...], Axes("channels")]
    interpolation: str
    crop_pct: float
    crop_mode: str
    channel_order: str
    layout: str
    source: str
    """Where that was said."""


@dataclass(frozen=True)
class Model:
    """A model that took part."""

    name: str
    """The name of its file."""
    sha256: str
    preprocess: Preprocess | None
    """None if it read no photos."""


@dataclass(frozen=True)
class SkippedImage:
    """An image that could not be read."""

    image: str
    reason: str


@dataclass(frozen=True)
class Images:
    """The images that were analysed."""

    count: int
    sha256: str
    """Of their names and bytes, in order."""
    skipped: tuple[SkippedImage, ...] = ()


@dataclass(frozen=True)
class Provenance:
    """All that decides a result: the same provenance means the same bits."""

    models: Annotated[tuple[Model, ...], Axes("models+")]
    images: Images | None
    """None where no photos were read."""
    options: Mapping[str, object]
    """The arguments of the analysis, the defaults included."""
    device: str
    versions: Mapping[str, str]

    def __post_init__(self) -> None:
        """Raise ValueError for photos of which it is not told how they become inputs, or the opposite."""
        if any((model.preprocess is None) != (self.images is None) for model in self.models):
            raise ValueError("images and how models prepare them are told together")


@dataclass(frozen=True, eq=False)
class Result:
    """What an analysis found. Its fields and `derived` numbers are written by `save` and given back by `load`.

    Fields hold strings, numbers, None, tuples, mappings by name, dataclasses of these, and NumPy arrays.
    """

    command: ClassVar[str] = ""
    """The command that makes it."""
    needs: ClassVar[Any] = Mapping[str, object]
    """A dataclass of the options without which it cannot be shown."""
    about: Provenance

    def __post_init__(self) -> None:
        """Raise OptionError, in one line, for fields that do not fit together."""
        try:
            refuse_misfits(self, type(self))
            decode(self.about.options, self.needs, {}, "about.options")
        except ValueError as error:
            what = f"this is no {type(self).__name__}: {error}"
            raise OptionError(f"{what}. Check what it was made of; NaN and infinity come of weights.") from None

    def __eq__(self, other: object) -> bool:
        """Whether another result is of this kind and holds the same, arrays to the bit; NaN is NaN."""
        return _same(self, other)

    def __hash__(self) -> int:
        """By what it is made of, which equal results share."""
        return hash((self.command, *(model.sha256 for model in self.about.models)))

    def __repr__(self) -> str:
        """The name of the result, what it was made of, and a line for each field."""
        lines = [f"  {name}: {text}" for name, text in self._lines()]
        return "\n".join([f"{type(self).__name__} of {self._source()}", *lines])

    def _repr_html_(self) -> str:
        """The same as a table, which notebooks show."""
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>"
            for name, text in self._lines()
        )
        return f"<b>{type(self).__name__}</b> of {html.escape(self._source())}<table>{rows}</table>"

    def _source(self) -> str:
        models = ", ".join(model.name for model in self.about.models)
        images = self.about.images
        return models if images is None else f"{models} over {counted(images.count, 'images')}"

    def _lines(self) -> list[tuple[str, str]]:
        fields = [field.name for field in dataclasses.fields(self) if field.name != "about"]
        return [(name, _short(getattr(self, name))) for name in fields]


def _same(a: Any, b: Any) -> bool:
    """Whether two values of fields are the same; a list is as good as a tuple, which JSON does not know."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if dataclasses.is_dataclass(a):
        return type(a) is type(b) and all(_same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(value, b[name]) for name, value in a.items())
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return type(a) is type(b) and bool(a == b or (a != a and b != b))


def _short(value: object) -> str:
    """A value in a few words: arrays by their shape, long sequences by their length."""
    if isinstance(value, np.ndarray):
        return f"array {value.shape} {value.dtype}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__
    if isinstance(value, Mapping):
        return f"{len(value)} by name: {_cut(', '.join(map(str, value)))}"
    if isinstance(value, tuple) and any(dataclasses.is_dataclass(item) for item in value):
        return f"{len(value)} of {type(value[0]).__name__}"
    return _cut(str(value) if isinstance(value, str) else repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
