"""What an index keeps of one layer: how strongly its maps answer to images.

Everything is of each image's strongest activation of the map (of a tile's, where photos are cut), and merges to the
same bits in any grouping.
"""

import json
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import ModelError
from inspectnet.files.parsing import parse_json
from inspectnet.geometry import Maxima
from inspectnet.graph.layers import Layer
from inspectnet.images import Keys
from inspectnet.scanning.tally import BINS, DIGITS, ExactSum, Histogram, Tally
from inspectnet.scanning.top import Ranking, Top

WAITING = 128  # rows that wait to be counted together

Arrays = Mapping[str, NDArray[Any]]

FORMS: Mapping[str, tuple[Any, ...]] = {
    "rows": (np.int64,),
    "top_values": (np.float32, "maps", "top"),
    "top_keys": (np.int64, "maps", "top", "3"),
    "top_places": (np.int64, "maps", "top", "2"),
    "highest": (np.float32, "maps"),
    "sum_first": (np.int64,),
    "sum": (np.int64, "digits", "maps"),
    "bins_first": (np.int64,),
    "bins": (np.int64, "bins", "maps"),
    "classes": (np.uint8, "bytes"),
    "class_rows": (np.int64, "classes"),
    "class_first": (np.int64,),
    "class_sums": (np.int64, "class digits", "classes", "maps"),
}
"""Of each array what its numbers fit into, and its axes."""
MOST_ROWS = 1 << 53


class Statistics:
    """Accumulates the Maxima of a layer: the strongest ones, sums, quantiles, sums by class."""

    def __init__(
        self, layer: Layer, top: int, labels: NDArray[np.str_] | None = None, each_image: bool = False
    ) -> None:
        """labels: (entries,) what each entry is filed under, empty for nothing; None if that does not count."""
        self.layer = layer
        self.top, self.rows = Top(layer, top), 0
        self.sum, self.histogram = ExactSum(layer.maps), Histogram(layer.maps)
        self.highest = np.full(layer.maps, -np.inf, np.float32)
        self.by_class: dict[str, tuple[int, ExactSum]] = {}
        self.images: list[NDArray[np.float16]] | None = [] if each_image else None
        self._labels = labels
        self._waiting: list[tuple[Keys, NDArray[np.float32]]] = []

    def update(self, keys: Keys, answer: Maxima) -> None:
        """Take in the strongest unit of each map in each of the rows. Raises ModelError for an infinite one."""
        if not np.isfinite(answer.values).all():
            raise ModelError(f"an activation of {self.layer.name} is infinite. Check the model's weights.")
        self.top.update(keys, answer)
        self.rows += len(keys)
        self._waiting.append((keys, answer.values))
        if sum(len(keys) for keys, _ in self._waiting) >= WAITING:
            self._count()

    def merge(self, later: Self) -> None:
        """Take in the statistics of rows that follow."""
        self._count()
        later._count()
        self.top.merge(later.top)
        self.rows += later.rows
        self.highest = np.maximum(self.highest, later.highest)
        self.sum.merge(later.sum)
        self.histogram.merge(later.histogram)
        for label, (rows, total) in later.by_class.items():
            self._of_class(label, rows).merge(total)

    def result(self) -> Self:
        """Itself, with nothing waiting."""
        self._count()
        return self

    def _count(self) -> None:
        if not self._waiting:
            return
        keys = np.concatenate([keys for keys, _ in self._waiting])
        values = np.concatenate([values for _, values in self._waiting])
        self._waiting = []
        self.highest = np.maximum(self.highest, values.max(axis=0))
        self.sum.take(values)
        self.histogram.take(values)
        if self._labels is not None:
            labels = self._labels[keys[:, 0]]
            for label in np.unique(labels[labels != ""]).tolist():
                of_class = values[labels == label]
                self._of_class(label, len(of_class)).take(of_class)
        if self.images is not None:
            with np.errstate(over="ignore"):  # what float16 cannot hold is infinite in it, and still the strongest
                self.images.append(values.astype(np.float16))

    def _of_class(self, label: str, rows: int) -> ExactSum:
        """The sum of a class, to which so many rows are added."""
        before, total = self.by_class.get(label, (0, ExactSum(self.layer.maps)))
        self.by_class[label] = before + rows, total
        return total

    # To arrays and back ----------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All of it but the images' own maxima, in small integers where they will do."""
        self._count()
        ranking, labels = self.top.result(), sorted(self.by_class)
        classes = Tally(self.layer.maps * len(labels))
        for at, label in enumerate(labels):
            total = self.by_class[label][1]
            wide = np.zeros((len(total.counts), len(labels), self.layer.maps), np.int64)
            wide[:, at] = total.counts
            classes.merge(Tally(0, total.first, wide.reshape(len(wide), len(labels) * self.layer.maps)))
        return {
            "rows": np.array(self.rows),
            "top_values": ranking.values,
            "top_keys": _small(ranking.keys),
            "top_places": _small(ranking.places),
            "highest": self.highest,
            "sum_first": np.array(self.sum.first),
            "sum": self.sum.counts,
            "bins_first": np.array(self.histogram.first),
            "bins": _small(self.histogram.counts),
            "classes": as_bytes(labels),
            "class_rows": np.array([self.by_class[label][0] for label in labels], np.int64),
            "class_first": np.array(classes.first),
            "class_sums": classes.counts.reshape(len(classes.counts), len(labels), self.layer.maps),
        }

    @classmethod
    def of(cls, layer: Layer, arrays: Arrays, first: int = 0) -> Self:
        """What `arrays` was made of; first: the entry of the collection that its entry 0 is.

        Raises ValueError for arrays that do not belong together, KeyError for missing ones.
        """
        made = cls(layer, 0)
        _check(arrays, layer.maps)
        keys = arrays["top_keys"].astype(np.int64)
        keys[..., 0] += np.where(keys[..., 0] >= 0, first, 0)
        values, places = arrays["top_values"].astype(np.float32), arrays["top_places"].astype(np.int64)
        made.top = Top.of(Ranking(layer, values, keys, places))
        made.rows, made.highest = int(arrays["rows"]), arrays["highest"].astype(np.float32)
        made.sum = ExactSum(layer.maps, int(arrays["sum_first"]), arrays["sum"].astype(np.int64))
        made.histogram = Histogram(layer.maps, int(arrays["bins_first"]), arrays["bins"].astype(np.int64))
        labels, rows, sums = from_bytes(arrays["classes"]), arrays["class_rows"], arrays["class_sums"]
        if len(labels) != len(rows):
            raise ValueError(f"it tells of {len(labels)} classes and sums of {len(rows)}")
        for at, label in enumerate(map(str, labels)):
            digits = np.ascontiguousarray(sums[:, at], np.int64)
            made.by_class[label] = int(rows[at]), ExactSum(layer.maps, int(arrays["class_first"]), digits)
        return made


def as_bytes(value: object) -> NDArray[np.uint8]:
    """What JSON can hold as an array."""
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


def from_bytes(array: NDArray[np.uint8]) -> list[Any]:
    """The list in an array that `as_bytes` made. Raises ValueError."""
    try:
        value = parse_json(array.tobytes())
    except RecursionError as error:
        raise ValueError("its lists are nested too deeply") from error
    if array.dtype != np.uint8 or not isinstance(value, list):
        raise ValueError("it holds no list")
    return value


def _check(arrays: Arrays, maps: int) -> None:
    """Raise ValueError for arrays that no statistics of so many maps give, KeyError for a missing one."""
    extents = {"maps": maps, "3": 3, "2": 2}
    for name, (kind, *axes) in FORMS.items():
        array = arrays[name]
        shape = tuple(extents.setdefault(axis, extent) for axis, extent in zip(axes, array.shape, strict=False))
        if array.ndim != len(axes) or array.shape != shape or not np.can_cast(array.dtype, kind):
            raise ValueError(f"{name} is an array of {array.dtype} of the shape {array.shape}")
    for first, counts, most in (
        ("sum_first", "sum", DIGITS), ("bins_first", "bins", BINS), ("class_first", "class_sums", DIGITS),
    ):  # fmt: skip
        if not 0 <= arrays[first] <= most - len(arrays[counts]):
            raise ValueError(f"{counts} begins at {arrays[first]}")
    for name in ("rows", "class_rows"):
        if not ((arrays[name] >= 0) & (arrays[name] < MOST_ROWS)).all():
            raise ValueError(f"{name} counts none")
    if not np.isfinite(arrays["top_values"]).all() or np.isnan(arrays["highest"]).any():
        raise ValueError("its activations are no numbers")


def _small(numbers: NDArray[np.int64]) -> NDArray[Any]:
    """The same numbers in the smallest integers that hold them all; which those are, the numbers alone decide."""
    low, high = (int(numbers.min()), int(numbers.max())) if numbers.size else (0, 0)
    for kind in (np.int8, np.int16, np.int32) if low < 0 else (np.uint8, np.uint16, np.uint32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return numbers.astype(kind)
    return numbers
