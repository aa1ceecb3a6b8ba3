"""Figures as the bytes of a file: PNG to look at, SVG and PDF whose text stays text."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from inspectnet.errors import OptionError

FORMATS = ("png", "svg", "pdf")
FAST = 3  # of zlib's levels: a third of the default's time for a few per cent more bytes
SETTINGS: Any = {"svg.fonttype": "none", "svg.hashsalt": "inspectnet", "pdf.fonttype": 42}
NO_DATE: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


def check_formats(formats: Sequence[str]) -> list[str]:
    """The formats, each once, in small letters. Raises OptionError for one that there is not."""
    forms = [form.strip().lower() for form in formats]
    if strange := [form for form in forms if form not in FORMATS]:
        raise OptionError(f"the format '{strange[0]}' is none of {', '.join(FORMATS)}.")
    return list(dict.fromkeys(forms))


def encode(figure: Figure, form: str) -> bytes:
    """The figure as a file of one of FORMATS holds it: the same bytes for the same figure, on any day."""
    assert form in FORMATS, f"no form of a figure: {form}"
    file = io.BytesIO()
    if form == "png":
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        # pages are opaque: matplotlib's own PNGs carry an alpha for nothing
        pixels = np.asarray(canvas.buffer_rgba())[..., :3]
        Image.fromarray(pixels).save(file, format="PNG", compress_level=FAST)
    else:
        with matplotlib.rc_context(SETTINGS):
            figure.savefig(file, format=form, metadata=NO_DATE[form])
    return file.getvalue()
