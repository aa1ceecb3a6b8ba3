"""The spectrum: how much energy is at which frequency, zero in the middle, with the limits that matter drawn in."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from inspectnet.pictures.grid import CAPTION_INK, PAPER, Pixels
from inspectnet.pictures.heat import RAMP
from inspectnet.pictures.lettering import line_height, text_width, write

SMALL = 13  # letters, px
FINE = 4  # lines are drawn so many times larger, then reduced
CIRCLE, LIMIT = (255, 255, 255), (86, 180, 233)  # of the bands, of what a stride carries
TICKS = (-0.5, -0.25, 0.0, 0.25, 0.5)  # cycles per pixel


def draw_spectrum(energy: np.ndarray, bands: Sequence[float], nyquist: tuple[float, float], width: int) -> Pixels:
    """The picture [h,width,3] of energies (F, F) in the order of fftfreq, as their roots, so that faint ones show.

    Thin circles: where bands end. Blue rectangle: the frequencies (down, across) up to `nyquist`.
    """
    beside = text_width("-0.25", SMALL) + 8
    side = width - beside - text_width("0.5", SMALL)
    centred = np.fft.fftshift(energy)
    centred = np.pad(centred, ((0, 1), (0, 1)), mode="wrap")  # -0.5 and 0.5 are one frequency: both ends show it
    levels, places = np.sqrt(centred / (centred.max() or 1)), np.linspace(0, 1, len(RAMP))
    ramped = np.stack([np.interp(levels, places, channel) for channel in RAMP.T], axis=-1)
    plot = Image.fromarray(np.rint(ramped).astype(np.uint8))
    plot = plot.resize((FINE * side, FINE * side), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(plot)
    for radius in bands:
        reach = [FINE * side * (0.5 + sign * radius) for sign in (-1, 1)]
        draw.ellipse((reach[0], reach[0], reach[1], reach[1]), outline=CIRCLE, width=FINE)
    down, across = (min(limit, 0.5) * FINE * side for limit in nyquist)
    middle = FINE * side / 2
    edges = (middle - across, middle - down, middle + across - 1, middle + down - 1)
    draw.rectangle(edges, outline=LIMIT, width=3 * FINE)
    page = Image.new("RGB", (width, side + line_height(SMALL) + 6), PAPER)
    page.paste(plot.resize((side, side), Image.Resampling.BOX), (beside, 0))
    _letter(ImageDraw.Draw(page), beside, side)
    return np.asarray(page)


def _letter(draw: ImageDraw.ImageDraw, left: int, side: int) -> None:
    """Frequencies along the left and the lower edge; upwards is positive."""
    for tick in TICKS:
        text, at = f"{tick:g}", round((tick + 0.5) * (side - 1))
        write(draw, (left + at - text_width(text, SMALL) // 2, side + 4), text, SMALL, CAPTION_INK)
        high = min(max(side - at - line_height(SMALL) // 2, 0), side - line_height(SMALL))
        write(draw, (left - 6 - text_width(text, SMALL), high), text, SMALL, CAPTION_INK)
