"""Figures as the bytes of a file: PNG to look at, SVG and PDF whose text stays text."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from inspectnet.errors import check_choice

FORMATS = ("png", "svg", "pdf")
FAST = 3  # of zlib's levels: a third of the default's time for a few per cent more bytes
SETTINGS: Any = {"svg.fonttype": "none", "svg.hashsalt": "inspectnet", "pdf.fonttype": 42}
SOFTWARE = "inspectnet"
METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": SOFTWARE},
    "svg": {"Date": None, "Creator": SOFTWARE},
    "pdf": {"CreationDate": None, "Creator": SOFTWARE},
}
SUBJECT = {"png": "Description", "svg": "Description", "pdf": "Subject"}


def check_formats(formats: Sequence[str]) -> list[str]:
    """The formats, each once, in small letters. Raises OptionError for one that there is not."""
    forms = [form.strip().lower() for form in formats]
    for form in forms:
        check_choice("format", form, FORMATS)
    return list(dict.fromkeys(forms))


def encode(figure: Figure, form: str, about: Mapping[str, object] | None = None) -> bytes:
    """The figure as a file of one of FORMATS holds it: the same bytes for the same figure, on any day.

    about: what made it, which its metadata holds as JSON under Description (of a PDF: Subject).
    """
    assert form in FORMATS, f"no form of a figure: {form}"
    file, metadata = io.BytesIO(), metadata_of(form, about or {})
    if form == "png":
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        # pages are opaque: matplotlib's own PNGs carry an alpha for nothing
        pixels = np.asarray(canvas.buffer_rgba())[..., :3]
        texts = PngInfo()
        for key, text in metadata.items():
            texts.add_itxt(key, text)
        Image.fromarray(pixels).save(file, format="PNG", compress_level=FAST, pnginfo=texts)
    else:
        with matplotlib.rc_context(SETTINGS):
            figure.savefig(file, format=form, metadata=metadata)
    return file.getvalue()


def metadata_of(form: str, about: Mapping[str, object]) -> dict[str, Any]:
    """The metadata of a figure's file: the program, and what made it as JSON; no date."""
    return METADATA[form] | {SUBJECT[form]: json.dumps(about)}
