"""Figures as pixels, and what is where in them."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure


def pixels_of(figure: Figure) -> np.ndarray:
    """(H, W, 3) uint8: the figure as PNG would hold it."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def boxes_of(pixels: np.ndarray, colour: object) -> tuple[int, int, int, int]:
    """left, top, right, bottom around all pixels of exactly this colour; right and bottom outside."""
    wanted = np.rint(255 * np.array(to_rgb(colour))) if isinstance(colour, str) else np.array(colour)
    rows, columns = np.nonzero((pixels == wanted).all(axis=2))
    assert len(rows), f"no pixel is {colour}"
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def texts_of(figure: Figure) -> list[str]:
    """All that is written on the figure, axes' numbers apart."""
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def margins_are_white(pixels: np.ndarray, margin: int = 20) -> bool:
    """Whether nothing reaches into the margin of the page."""
    edges = (pixels[:margin], pixels[-margin:], pixels[:, :margin], pixels[:, -margin:])
    return all((edge == 255).all() for edge in edges)
