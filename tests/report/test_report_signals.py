import numpy as np
import pytest

from inspectnet.figures.colour import GREY
from inspectnet.figures.display import BEYOND, Display
from inspectnet.figures.page import Worded
from inspectnet.geometry import Box
from inspectnet.report.signals import drawn_words, joint, policy_words, show_signals
from inspectnet.results import Model, Preprocess

PLAIN = ("bilinear", 0.875, "center", "rgb", "nchw", "given by the user")
MODEL = Model("net.onnx", "0" * 64, Preprocess((3, 50, 60), (0.5,) * 3, (0.25,) * 3, *PLAIN))


def test_patches_are_cut_as_their_signals_are():
    signals = np.zeros((2, 3, 40, 40), np.float32)
    signals[0, :, 10:15, 20:25], signals[1, :, 30:35, 5:10] = 1, -1
    patches = np.stack([np.where(signal, 250, 7).transpose(1, 2, 0).astype(np.uint8) for signal in signals])
    shown = show_signals(MODEL, Display(), [signals], patches=[patches])
    assert [picture.shape for picture in shown.signals[0]] == [(5, 5, 3)] * 2 and shown.zoom.startswith("5 of 40 px")
    assert all((patch == 250).all() for patch in shown.patches[0])


def test_what_lies_beyond_the_image_is_pale_in_signals_and_patches():
    signals = np.ones((1, 3, 20, 20), np.float32)
    patch = np.full((1, 20, 20, 3), 9, np.uint8)
    shown = show_signals(MODEL, Display(), [signals], boxes=[[Box(45, -5, 65, 15)]], patches=[patch])
    for picture in (shown.signals[0][0], shown.patches[0][0]):
        assert (picture[:5] == BEYOND).all() and (picture[:, 15:] == BEYOND).all()
        assert not (picture[5:, :15] == BEYOND).any()
    inside = show_signals(MODEL, Display(), [signals], boxes=[[Box(0, 0, 20, 20)]])
    assert drawn_words(Display(), [inside, shown]) == f"{Display().words()}; pale grey: beyond the image"
    assert drawn_words(Display(), [inside]) == Display().words()


def test_a_tile_of_zeros_says_that_nothing_came_down():
    shown = show_signals(MODEL, Display(), [np.zeros((1, 3, 9, 9), np.float32)])
    (tile,) = shown.signals[0]
    assert isinstance(tile, Worded) and tile.words == "nothing came down" and (tile.pixels == GREY).all()


def test_signals_that_are_shown_alike_count_alike_however_strong_they_are():
    strong, faint = np.zeros((2, 1, 3, 30, 30), np.float32)
    strong[..., 2:6, 2:6], faint[..., 20:24, 20:24] = 1e6, 1e-6
    (window,) = Display().windows(joint([strong, faint]))
    assert (window.y0, window.x0) <= (2, 2) and (window.y1, window.x1) >= (24, 24)


@pytest.mark.parametrize("operators, told", [({"Conv": "", "LRN": ""}, True), ({"Conv": ""}, False)])
def test_response_normalisation_is_spoken_of_where_there_is_one(operators, told):
    words = policy_words({"method": "deconvnet", "unpool": "sum", "lrn": "identity"}, operators)
    assert ("LRN identity" in words) is told and words.startswith("deconvnet; unpool sum")


def test_a_picture_of_next_to_nothing_says_how_little():
    signals = np.zeros((1, 3, 40, 40), np.float32)
    signals[0, :, 3, 4:8] = 1
    (tile,) = show_signals(MODEL, Display(zoom=False), [signals]).signals[0]
    assert isinstance(tile, Worded) and tile.words == "signal in 0.25 % of the pixels"
    (zoomed,) = show_signals(MODEL, Display(), [signals]).signals[0]
    assert not isinstance(zoomed, Worded)
