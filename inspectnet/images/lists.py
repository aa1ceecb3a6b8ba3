"""Lists of images: text with `path label` lines, and CSV with a header. Files may be missing."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from inspectnet.errors import ImageError
from inspectnet.files.inputs import open_input
from inspectnet.images.kinds import is_image

PATH_COLUMNS = ("path", "file", "filename", "image")
LONGEST = 1 << 18  # characters of a line
LABEL_COLUMNS = ("label", "class")


def read_text(source: Path) -> Iterator[tuple[str, str | None]]:
    """The (path, label) of every line that is not blank, as written.

    Paths and labels may both hold blanks: the path ends with the last word that ends in an image suffix,
    the label is what follows. Without such a word the last of several words is the label. The disk is not
    asked, so that a list means the same where some of its files are missing.
    """
    for line in _lines(source):
        words = line.split()
        if not words:
            continue
        ends = [at for at, word in enumerate(words) if is_image(word)]
        path_words = ends[-1] + 1 if ends else max(1, len(words) - 1)
        label_words = len(words) - path_words
        if label_words:
            path, *label = line.strip().rsplit(maxsplit=label_words)
            yield path, " ".join(label)
        else:
            yield line.strip(), None


def read_csv(source: Path) -> Iterator[tuple[str, str | None]]:
    """The (path, label) of every row; the header names a column of paths and perhaps one of labels."""
    rows = csv.reader(_lines(source))
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        path_at = next((header.index(name) for name in PATH_COLUMNS if name in header), None)
        label_at = next((header.index(name) for name in LABEL_COLUMNS if name in header), None)
        if path_at is None:
            raise ImageError(
                f"{source} has no column of images, its header reads {', '.join(header)[:200] or 'nothing'}. "
                f"Name one of the columns {', '.join(PATH_COLUMNS[:-1])} or {PATH_COLUMNS[-1]}."
            )
        for row in rows:
            if not any(row):
                continue
            path = row[path_at].strip() if path_at < len(row) else ""
            if not path:
                raise ImageError(f"{source} names no image in line {rows.line_num}. Fill in its path.")
            label = row[label_at].strip() if label_at is not None and label_at < len(row) else ""
            yield path, label or None
    except csv.Error as error:
        raise ImageError(f"{source} is not CSV, line {rows.line_num}: {error}. Save it as CSV.") from error


def _lines(source: Path) -> Iterator[str]:
    try:
        with io.TextIOWrapper(open_input(source), encoding="utf-8-sig", newline="") as file:
            while line := file.readline(LONGEST + 1):
                if "\0" in line or len(line) > LONGEST:
                    raise ImageError(f"{source} is not text. Save the list as UTF-8.")
                yield line
    except UnicodeDecodeError as error:
        raise ImageError(f"{source} is not UTF-8 text: {error.reason}. Save the list as UTF-8.") from error
