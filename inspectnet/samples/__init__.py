"""Ten photos in the public domain, for a first look without a data set; `CREDITS.md` names their authors."""

from importlib.resources import files
from pathlib import Path


def folder() -> Path:
    """The folder with the photos, as it was installed: RGB JPEGs, the longest side at most 1024 pixels."""
    return Path(str(files(__name__)))
