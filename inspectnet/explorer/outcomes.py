"""Outcomes: results of commands as charts in a page need them."""

from collections.abc import Mapping
from dataclasses import dataclass


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
