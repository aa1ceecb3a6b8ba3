"""Tables for the console: ruled on a terminal, plain aligned lines in a pipe or a file, where nothing is cut."""

import csv
import io
import numbers
import re
import sys
from collections.abc import Iterable, Sequence

from inspectnet.analyses.statistics import Interval
from inspectnet.report.lines import show, visible

NUMBER = re.compile(r"[-+]?(\d[\d,.]*(e[-+]?\d+)?|inf|nan)( ?%)?")

Cell = str | int | float | bool | None


def ends(interval: Interval | Sequence[float | None] | None, times: float = 1, form: str = ".3g") -> str:
    """An interval as words, an end without a bound as a dash; nothing without one, as of a single photo."""
    both = (interval.low, interval.high) if isinstance(interval, Interval) else interval or ()
    if all(end is None for end in both):
        return ""
    return " to ".join("-" if end is None else f"{times * end:{form}}" for end in both)


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table as CSV: numbers in full, None as nothing."""
    text = io.StringIO()
    sheet = csv.writer(text, lineterminator="\n")
    sheet.writerow(columns)
    sheet.writerows(rows)
    return text.getvalue()


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print a table to stdout; numbers stand to the right, floats have four digits, None is a dash.

    title: with a line break before it, it stands apart from what is above.
    """
    assert all(len(row) == len(columns) for row in rows), "a row has as many cells as there are columns"
    if title.startswith("\n"):
        show()
    title = visible(title.removeprefix("\n"))
    right = [_is_numeric([row[place] for row in rows]) for place in range(len(columns))]
    texts = [[_cell(value) for value in row] for row in rows]
    if sys.stdout.isatty():
        _print_ruled(title, columns, texts, right)
    else:
        for line in _plain_lines(title, columns, texts, right):
            show(line)


def _is_numeric(cells: Sequence[Cell]) -> bool:
    """Whether a column holds numbers, or texts that were made of numbers, such as 1,024 and 12 %."""
    texts = [_cell(cell) for cell in cells if cell is not None and cell != ""]
    return bool(texts) and all(NUMBER.fullmatch(text) for text in texts)


def _cell(value: Cell) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    # numbers, because numpy's float32 is no float and its int64 no int.
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral):
        return f"{value:.4g}"
    return visible(" ".join(str(value).split()))


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


def _print_ruled(title: str, columns: Sequence[str], texts: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Text, because rich would read [0] in the name of a layer as markup and :cat: as a picture.
    table = Table(title=Text(title) if title else None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, at_right in zip(columns, right, strict=True):
        table.add_column(Text(name), justify="right" if at_right else "left", overflow="fold")
    for row in texts:
        table.add_row(*map(Text, row))
    Console().print(table)
