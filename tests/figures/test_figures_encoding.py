import io
import re
import zlib

import numpy as np
import pytest
from PIL import Image
from pixels import pixels_of

from inspectnet.figures.chart import Panel, draw_chart
from inspectnet.figures.encoding import FORMATS, encode
from inspectnet.figures.gallery import Block, draw_gallery

TILE = np.random.default_rng(0).integers(0, 255, (30, 30, 3), dtype=np.uint8)


def gallery():
    return draw_gallery([Block("conv5:212  Ägyptische Katze", [TILE], [TILE])], title="conv5", footer="unpool sum")


def test_a_png_holds_the_pixels_of_the_figure_without_an_alpha():
    picture = Image.open(io.BytesIO(encode(gallery(), "png")))
    assert picture.mode == "RGB" and np.array_equal(np.asarray(picture), pixels_of(gallery()))


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_figure_gives_the_same_bytes(form):
    assert encode(gallery(), form) == encode(gallery(), form)


def test_text_stays_text_and_tiles_stay_pixels_in_svg():
    svg = encode(gallery(), "svg").decode()
    assert "conv5:212  Ägyptische Katze</text>" in svg and svg.count("<image") == 1
    assert "pixelated" in svg, "enlarged tiles are not blurred by the browser"


def test_a_chart_is_drawn_of_lines_in_svg():
    lines = {"gradient": np.array([1.0, 0.5, 0.2])}
    svg = encode(draw_chart([Panel("SSIM", lines)], ["trained", "fc8", "fc7"], title="t", footer="f"), "svg").decode()
    assert "SSIM</text>" in svg and "trained</text>" in svg and "#0072b2" in svg


def test_text_is_set_in_an_embedded_typeface_in_pdf():
    pdf = encode(gallery(), "pdf")
    assert b"DejaVuSans" in pdf and b"/FontFile2" in pdf
    streams = [zlib.decompress(s) for s in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.S) if s[:1] == b"x"]
    assert any(re.search(rb"\bT[jJ]\b", stream) for stream in streams), "text operators, not outlines"
    assert any(b"beginbfrange" in stream for stream in streams), "which readers can copy and search"
