"""Tables for the console: ruled on a terminal, plain aligned lines in a pipe or a file, where nothing is cut."""

import contextlib
import csv
import io
import json
import numbers
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from inspectnet.analyses.statistics import Interval
from inspectnet.report.lines import show, visible

DETAILS = ("95 %", "+-", "Holm")  # columns that make room first
LONGEST = 32  # characters of a text in a table on a terminal, but for what rows are called
GAP = 2  # between columns on a terminal
_wide: ContextVar[bool] = ContextVar("wide", default=False)
_collected: "ContextVar[list[Printed] | None]" = ContextVar("collected", default=None)
NUMBER = re.compile(r"[-+]?(\d[\d,.]*(e[-+]?\d+)?|inf|nan)( ?%)?")

Cell = str | int | float | bool | None
Cells = Sequence[Cell | Interval]
Columns = Sequence["str | Column"]
Printed = tuple[str, Sequence[str], Sequence[Sequence[str]]]  # of a table for the console: its title, columns, rows
Table = tuple[str, Sequence[str], Iterable[Sequence[Cell]]]  # of a CSV file: its name, columns, rows


@dataclass(frozen=True)
class Column:
    """A column of a table: its title, and how its numbers are written. One that holds intervals is two columns."""

    title: str
    form: str = ""
    """Of floats; by default four digits, of the ends of intervals three."""
    times: float = 1
    """100 for shares that are shown in per cent."""

    def write(self, cells: Cells) -> Iterator[tuple[str, list[str]]]:
        """The column as text, with its title; behind numbers with intervals, these."""
        numbers = [cell.value if isinstance(cell, Interval) else cell for cell in cells]
        yield visible(self.title), [self._text(number) for number in numbers]
        if any(isinstance(cell, Interval) for cell in cells):
            intervals = [cell if isinstance(cell, Interval) else None for cell in cells]
            yield "95 %", [ends(interval, self.times, self.form or ".3g") for interval in intervals]

    def _text(self, value: Cell) -> str:
        if value is None:
            return "-"
        if isinstance(value, bool):
            return "yes" if value else "no"
        # numbers, because numpy's float32 is no float and its int64 no int.
        if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral):
            return f"{self.times * float(value):{self.form or '.4g'}}"
        return visible(" ".join(str(value).split()))


def ends(interval: Interval | Sequence[float | None] | None, times: float = 1, form: str = ".3g") -> str:
    """An interval as words, an end without a bound as a dash; nothing without one, as of a single photo."""
    both = (interval.low, interval.high) if isinstance(interval, Interval) else interval or ()
    if all(end is None for end in both):
        return ""
    return " to ".join("-" if end is None else f"{times * end:{form}}" for end in both)


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Cell]], about: Mapping[str, object]) -> str:
    """A table as CSV: numbers in full, None as nothing. A last column, empty, is called by what made it, as JSON."""
    text = io.StringIO()
    sheet = csv.writer(text, lineterminator="\n")
    sheet.writerow([*columns, json.dumps(about)])
    sheet.writerows([*row, None] for row in rows)
    return text.getvalue()


@contextlib.contextmanager
def all_columns(wide: bool) -> Iterator[None]:
    """Tables that are printed meanwhile have all their columns, if wide, on a narrow terminal too."""
    token = _wide.set(wide)
    try:
        yield
    finally:
        _wide.reset(token)


@contextlib.contextmanager
def collected_tables() -> Iterator[list[Printed]]:
    """The tables that would be printed meanwhile, with all their columns; nothing is printed."""
    tables: list[Printed] = []
    token = _collected.set(tables)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield tables
    finally:
        _collected.reset(token)


def print_table(title: str, columns: Columns, rows: Sequence[Cells], drop: Sequence[str] = DETAILS) -> None:
    """Print a table to stdout; numbers stand to the right, None is a dash.

    On a terminal no cell breaks: columns go that have no room, those of the names in `drop` first, then the last ones,
    and never the first. title: with a line break before it, it stands apart from what is above.
    """
    assert all(len(row) == len(columns) for row in rows), "a row has as many cells as there are columns"
    if title.startswith("\n"):
        show()
    title, known = visible(title.removeprefix("\n")), [c if isinstance(c, Column) else Column(c) for c in columns]
    written = [text for place, column in enumerate(known) for text in column.write([row[place] for row in rows])]
    titles, texts = [name for name, _ in written], [list(row) for row in zip(*(column for _, column in written))]  # noqa: B905
    right = [_is_numeric(column) for _, column in written]
    if (collected := _collected.get()) is not None:
        collected.append((title, titles, texts))
    elif sys.stdout.isatty():
        _print_ruled(title, titles, texts, right, drop)
    else:
        for line in _plain_lines(title, titles, texts, right):
            show(line)


def _is_numeric(texts: Sequence[str]) -> bool:
    """Whether a column holds numbers, such as 1,024 and 12 %."""
    filled = [text for text in texts if text not in ("", "-")]
    return bool(filled) and all(NUMBER.fullmatch(text) for text in filled)


def _plain_lines(
    title: str, columns: Sequence[str], texts: Sequence[Sequence[str]], right: Sequence[bool]
) -> list[str]:
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    lines = [
        "  ".join(
            text.rjust(width) if at_right else text.ljust(width)
            for text, width, at_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in (columns, *texts)
    ]
    return [title, *lines] if title else lines


def _print_ruled(
    title: str, columns: Sequence[str], texts: Sequence[Sequence[str]], right: Sequence[bool], drop: Sequence[str]
) -> None:
    from rich import box
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, wide = Console(), _wide.get()
    widths = [max(map(cell_len, column)) for column in zip(columns, *texts, strict=True)]
    kept = list(range(len(columns)))
    if not wide and len(_fitting(columns, widths, console.width, drop)) < len(columns):
        # numbers are never cut, nor is what a row is called, but for names of half a line
        texts = [[_cut_middle(row[0], console.width // 2), *(_cut_end(text) for text in row[1:])] for row in texts]
        widths = [max(map(cell_len, column)) for column in zip(columns, *texts, strict=True)]
        kept = _fitting(columns, widths, console.width, drop)
    # Text, because rich would read [0] in the name of a layer as markup and :cat: as a picture.
    table = Table(
        title=Text(title) if title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    for i in kept:
        table.add_column(Text(columns[i]), justify="right" if right[i] else "left", no_wrap=True, min_width=widths[i])
    for row in texts:
        table.add_row(*(Text(row[i]) for i in kept))
    # as wide as the table: of a name longer than the line the terminal makes two
    console.width = max(console.width, sum(widths[i] + GAP for i in kept))
    console.print(table, crop=False)
    if left_out := [name for i, name in enumerate(columns) if i not in kept]:
        console.print(Text(f"--wide shows: {', '.join(left_out)}", style="dim"))


def _cut_end(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"


def _cut_middle(text: str, longest: int) -> str:
    """Names of values differ at their ends."""
    return text if len(text) <= longest else f"{text[: longest // 3]}…{text[len(text) - longest + longest // 3 + 1 :]}"


def _fitting(columns: Sequence[str], widths: Sequence[int], room: int, drop: Sequence[str]) -> list[int]:
    """The columns that have room side by side."""
    kept = list(range(len(columns)))
    first = [i for name in drop for i in reversed(kept) if columns[i] == name and i]
    for i in dict.fromkeys([*first, *reversed(kept[1:])]):
        if sum(widths[k] + GAP for k in kept) - GAP <= room:
            break
        kept.remove(i)
    return kept
