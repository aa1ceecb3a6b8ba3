"""Heat: where a map of values from 0 up is strong, laid in colour over the photo in grey."""

import numpy as np
from PIL import Image

from inspectnet.pictures.grid import Pixels

# Of matplotlib's inferno (CC0), which grows lighter evenly, also for the colour-blind and in print.
RAMP = np.array(
    [
        (0, 0, 4), (31, 12, 72), (85, 15, 109), (136, 34, 106), (186, 54, 85), (227, 89, 51), (249, 140, 10),
        (249, 201, 50), (252, 255, 164),
    ],
    np.float64,
)  # fmt: skip
OPAQUE = 0.6  # how much of what is seen is colour; the rest is the photo


def heat_over(photo: Pixels, heat: np.ndarray) -> Pixels:
    """The photo [H,W,3] in grey under the colours of `heat` [H,W]: black is 0, the lightest its largest value."""
    assert heat.shape == photo.shape[:2] and heat.min() >= 0, f"no heat for {photo.shape}: {heat.shape}"
    grey = np.asarray(Image.fromarray(photo).convert("L"), np.float64)[..., None]
    mixed = OPAQUE * _colours(heat / (heat.max() or 1)) + (1 - OPAQUE) * grey
    return np.rint(mixed).astype(np.uint8)


def colour_bar(width: int, height: int) -> Pixels:
    """The colours from 0 at the left to the largest value at the right, [height,width,3], as on a mid-grey photo."""
    values = np.broadcast_to(np.linspace(0, 1, width), (height, width))
    return np.rint(OPAQUE * _colours(values) + (1 - OPAQUE) * 128).astype(np.uint8)


def _colours(values: np.ndarray) -> np.ndarray:
    """(..., 3) of 0..255 for values in 0..1."""
    places = np.linspace(0, 1, len(RAMP))
    return np.stack([np.interp(values, places, channel) for channel in RAMP.T], axis=-1)
