"""Outcomes: results of commands as a page shows them: record, arrays, tables and figures."""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspectnet.explorer.contract import ResultTitle, short
from inspectnet.explorer.photos import data_url
from inspectnet.figures.display import Display
from inspectnet.figures.encoding import encode
from inspectnet.report.envelope import envelope_of
from inspectnet.report.keeping import figures_of
from inspectnet.report.tables import collected_tables
from inspectnet.report.topics import presenter
from inspectnet.results import Result

LARGEST = 50_000  # numbers of an array that a chart is given


@dataclass(frozen=True)
class Numbers:
    """An array, row by row."""

    shape: tuple[int, ...]
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class ResultTable:
    """A table that a command prints."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]


@dataclass(frozen=True)
class Outcome:
    """A result of a command: its record, the arrays that charts need, its tables and its pictures."""

    kind: str
    envelope: Mapping[str, object]
    arrays: Mapping[str, Numbers]
    tables: tuple[ResultTable, ...]
    pictures: tuple[str, ...]


class Shown:
    """A result, made ready for a page once it is asked for."""

    def __init__(self, result: Result) -> None:
        self._result = result

    @property
    def title(self) -> ResultTitle:
        """What it is, of which models."""
        models = ", ".join(model.name for model in self._result.about.models)
        return ResultTitle(self._result.command, f"{self._result.command}: {models}")

    @cached_property
    def value(self) -> Outcome:
        """Its record, arrays, tables, and the names of its pictures."""
        arrays: dict[str, NDArray[Any]] = {}
        envelope = envelope_of(self._result, arrays)
        small = {name: _numbers(array) for name, array in arrays.items() if array.size <= LARGEST}
        with collected_tables() as printed:
            presenter(self._result).print_result(self._result)
        tables = tuple(ResultTable(title, tuple(titles), tuple(map(tuple, rows))) for title, titles, rows in printed)
        return Outcome(self._result.command, envelope, small, tables, tuple(self.pictures))

    @cached_property
    def pictures(self) -> Mapping[str, str]:
        """Its figures by name, as data URLs."""
        return {
            name: data_url(_as_webp(encode(figure, "png")), "image/webp")
            for name, figure in figures_of(self._result, Display())
        }


def _numbers(array: NDArray[Any]) -> Numbers:
    flat: Sequence[Any] = array.astype(np.float64).ravel().tolist()
    return Numbers(array.shape, tuple(short(value) if math.isfinite(value) else None for value in flat))


def _as_webp(png: bytes) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.open(io.BytesIO(png)).save(file, "WEBP", lossless=True, method=1)
    return file.getvalue()
