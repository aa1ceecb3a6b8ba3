"""The site: a bundle as files that a browser opens from a disk, or as one file."""

import gzip
import json
from collections.abc import Iterator

from inspectnet.errors import OutputError
from inspectnet.explorer.bundle import Bundle
from inspectnet.explorer.contract import MARK
from inspectnet.explorer.page import Page
from inspectnet.explorer.sevens import to_text
from inspectnet.progress import Progress
from inspectnet.report.folder import OutputFolder
from inspectnet.results import encode

INDEX = "index.html"
PLAIN = ("model", "photos")  # values that the page reads at once


def write_folder(folder: OutputFolder, bundle: Bundle, page: Page, progress: Progress) -> None:
    """Write a page with its values as scripts in data/ and its sheets as pictures in sheets/. Raises InspectError."""
    folder.write_bytes(INDEX, page.html.encode())
    for name, value in _values(bundle, progress):
        if isinstance(value, bytes):
            folder.write_bytes(f"{name}.webp", value)
        else:
            text = f"report({json.dumps(name)}, {json_of(value)});\n"
            folder.write_text(f"data/{name.replace('/', '-')}.js", text)


def write_single(folder: OutputFolder, bundle: Bundle, page: Page, progress: Progress) -> None:
    """Write a page with all its values and sheets in it. Raises InspectError."""
    before, after = page.html.split(MARK)
    with folder.open(INDEX) as file:
        file.write(before.encode())
        for name, value in _values(bundle, progress):
            kind, text = _element(name, value)
            file.write(f'<script type="{kind}" data-name="{name}">{text}</script>\n'.encode())
        file.write(after.encode())


def _values(bundle: Bundle, progress: Progress) -> Iterator[tuple[str, object]]:
    """All values by name, one after the other."""
    names = list(bundle.names())
    with progress("writing", len(names), "values") as advance:
        for name in names:
            yield name, bundle.value(name)
            advance(1)


def _element(name: str, value: object) -> tuple[str, str]:
    """The type of the element that holds a value, and its text."""
    if isinstance(value, bytes):
        return "image/webp", to_text(value)
    text = json_of(value)
    if name in PLAIN:
        return "application/json", text.replace("<", "\\u003c")
    return "application/gzip", to_text(gzip.compress(text.encode(), 6, mtime=0))


def json_of(value: object) -> str:
    """A value as JSON in ASCII. Raises OutputError for numbers that JSON cannot hold."""
    try:
        return json.dumps(encode(value, {}), separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        what = f"the report cannot be written: {error}, which JSON cannot hold"
        raise OutputError(f"{what}. Look for NaN or infinity in the model's weights.") from None
