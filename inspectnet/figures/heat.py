"""Heat: where a map of values from 0 up is strong, laid in colour over the photo in grey."""

import numpy as np
from matplotlib import colormaps
from PIL import Image

from inspectnet.figures.page import Pixels

OPAQUE = 0.6  # how much of what is seen is colour; the rest is the photo


def heat_over(photo: Pixels, heat: np.ndarray) -> Pixels:
    """The photo [H,W,3] in grey under the colours of `heat` [H,W]: black is 0, the lightest its largest value."""
    assert heat.shape == photo.shape[:2] and heat.min() >= 0, f"no heat for {photo.shape}: {heat.shape}"
    grey = np.asarray(Image.fromarray(photo).convert("L"), np.float64)[..., None]
    return _mix(heat / (heat.max() or 1), grey)


def colour_bar(width: int, height: int) -> Pixels:
    """The colours from 0 at the left to the largest value at the right, [height,width,3], as on a mid-grey photo."""
    return _mix(np.broadcast_to(np.linspace(0, 1, width), (height, width)), 128)


def _mix(values: np.ndarray, grey: np.ndarray | float) -> Pixels:
    """Inferno grows lighter evenly, also for the colour-blind and in print."""
    steps = 255 * colormaps["inferno"](np.arange(256))[:, :3]
    colours = np.stack([np.interp(255 * values, np.arange(256), channel) for channel in steps.T], axis=-1)
    return np.asarray(np.rint(OPAQUE * colours + (1 - OPAQUE) * grey), np.uint8)
