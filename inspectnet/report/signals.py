"""Signals as pictures: zero is mid-grey, colours in the order that a screen has them."""

import numpy as np

from inspectnet.figures.colour import grey_centred
from inspectnet.figures.page import Pixels
from inspectnet.results import Model, Result


def in_rgb(signal: np.ndarray, model: Model) -> np.ndarray:
    """A signal (..., C, h, w) on the input of a model, with its channels in the order R, G, B.

    Of other than 3 channels or 1, which have no colours, the mean of the channels (..., 1, h, w).
    """
    if signal.shape[-3] not in (1, 3):
        return np.asarray(signal.mean(axis=-3, keepdims=True))
    bgr = model.preprocess is not None and model.preprocess["channel_order"] == "bgr"
    return signal[..., ::-1, :, :] if bgr else signal


def grey_picture(signal: np.ndarray, result: Result, scale: float | None = None) -> Pixels:
    """The pixels of signals (..., C, h, w) on the input of the result's first model, as `grey_centred`."""
    return grey_centred(in_rgb(signal, result.about.models[0]), scale)
