"""Signals become colours: zero is mid-grey, and equal strength is equal contrast whatever the sign."""

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import ModelError

GREY = 128  # of 1..255: only an odd number of levels has one exactly in the middle, so 0 is left out
REACH = 127  # levels above and below the middle


def grey_centred(signal: NDArray[np.floating], scale: float | NDArray[np.floating] | None = None) -> NDArray[np.uint8]:
    """Pixels of a signal, 0.5 + x / (2 scale) of the levels 1..255; zero is GREY, exactly.

    signal [C,H,W] or [N,C,H,W], C = 1 (grey) or 3, gives [H,W,3] or [N,H,W,3]. Every tile has its own scale,
    its largest |x|; a `scale` given is shared by all tiles, or (N,) of each, and what exceeds it is cut off. A tile of
    zeros is all GREY. Raises ModelError for a signal that overflowed.
    """
    assert signal.ndim in (3, 4) and signal.shape[-3] in (1, 3), f"not [C,H,W] or [N,C,H,W]: {signal.shape}"
    check_finite(signal)
    size = np.abs(signal).max(axis=(-3, -2, -1), keepdims=True)
    if scale is not None:
        given = np.broadcast_to(np.reshape(scale, (-1, 1, 1, 1)[-signal.ndim :]), size.shape)
        assert np.isfinite(given).all() and (given[size > 0] > 0).all(), f"no scale for this signal: {scale}"
        size = given.astype(size.dtype)

    # Divided, not multiplied by 1/size, which overflows for the faintest signals. Zeros are divided by 1.
    share = np.clip(signal / np.where(size > 0, size, 1), -1, 1)
    levels = (GREY + np.rint(REACH * share)).astype(np.uint8)
    pixels = np.moveaxis(levels, -3, -1)
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:-1], 3)))


def check_finite(signal: NDArray[np.floating]) -> None:
    """Raise ModelError for a signal that overflowed."""
    if not np.isfinite(signal).all():
        raise ModelError("a signal holds NaN or infinity, so it has no picture. Check the model's weights.")
