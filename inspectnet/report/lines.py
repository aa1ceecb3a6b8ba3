"""Lines for people: names of files, layers and classes stand in them, and must not act on the terminal that shows them.

A name may hold line breaks, escape sequences, and characters that turn the direction of writing; a line shows them as
escapes. JSON escapes them in its own way, which gives the exact names again.
"""

import json
import os
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

ACTING = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # categories: control, format (directions too), halves of pairs, line breaks
JOINERS = "\u200c\u200d"  # of the letters of some scripts, and of emoji

MOST_FILES = 8  # that are named one by one


def acts(character: str) -> bool:
    """Whether a character does something to the text around it rather than being seen."""
    return unicodedata.category(character) in ACTING and character not in JOINERS


def visible(text: str) -> str:
    """The text on one line, with an escape such as \\x1b for each character that would act and not show."""
    if text.isprintable():
        return text
    return "".join(c.encode("unicode_escape").decode() if acts(c) else c for c in text)


def show(text: str = "") -> None:
    """Print one line to stdout."""
    print(fitted(visible(text), sys.stdout))


def fitted(text: str, stream: TextIO) -> str:
    """The text as a stream shows it: on a terminal it goes on below, between words, where the line ends."""
    width = shutil.get_terminal_size().columns
    if not stream.isatty() or len(text) <= width:
        return text
    # paths and options stay whole, which people copy
    lines = textwrap.wrap(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


def show_left_out(methods: Mapping[str, str]) -> None:
    """Print why each of the methods that are run by default was not."""
    for name, why in methods.items():
        show(f"left out: {name} (-m {name} asks for it), for")
        show(f"  {why}")


def class_words(name: str, number: int) -> str:
    """What a class is called, with its number."""
    return f"{name} ({number})" if name != str(number) else f"class {number}"


def percent(share: float) -> str:
    """A share in per cent, a small one with two digits."""
    return f"{100 * share:.0f} %" if abs(share) >= 0.095 else f"{100 * share:.2g} %"


def show_json(text: str) -> None:
    """Print JSON to stdout, in ASCII where stdout holds no more: the values are the same."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in text)
    print(text, end="")


def show_files(folder: Path, names: Sequence[str]) -> None:
    """Print where files are, one a line, as links on a terminal that has them: the first one last if they are many."""
    many = len(names) > MOST_FILES
    if many:
        show(f"{len(names)} pictures in {folder}, the first:")
    for path in [folder / name for name in names[: 1 if many else None]] or [folder]:
        if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
            print(f"-> \x1b]8;;{path.resolve().as_uri()}\x1b\\{visible(str(path))}\x1b]8;;\x1b\\")
        else:
            show(f"-> {path}")
