"""A page's picture: taken as it is, it is what matplotlib's resampling makes of it, whatever is drawn over it."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from inspectnet.figures.page import Picture, framed


def draw(dpi=None):
    page, rng = framed(300, 200, "a title", "a footer"), np.random.default_rng(0)
    page.show(rng.integers(0, 256, (57, 83, 3), np.uint8), (31, 47))
    page.outline((31, 47, 83, 57), "red", 3)
    figure = page.finish()
    figure.set_dpi(dpi or figure.dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba()).copy()


@pytest.mark.parametrize("dpi", [None, 57])
def test_a_picture_is_drawn_as_matplotlib_draws_it(dpi, monkeypatch):
    ours = draw(dpi)
    monkeypatch.delattr(Picture, "make_image")
    assert np.array_equal(ours, draw(dpi))


def test_pixels_of_a_page_s_own_size_are_not_resampled(monkeypatch):
    def refuse(*arguments, **named):
        raise AssertionError("it was resampled")

    monkeypatch.setattr("matplotlib.image._ImageBase._make_image", refuse)
    draw()
    with pytest.raises(AssertionError, match="resampled"):
        draw(57)
