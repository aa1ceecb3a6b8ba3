"""Amounts: the paper's, and those that move pixels equally far, against the pixels themselves."""

import numpy as np
import pytest

from inspectnet.errors import OptionError
from inspectnet.images import Preparation
from inspectnet.images.amounts import alike_amounts, displacement, paper_amounts, view
from inspectnet.images.changes import make_scene


def test_the_papers_amounts_grow_with_the_input():
    np.testing.assert_array_equal(paper_amounts("translate", (224, 224)), np.arange(-60, 61, 5))
    np.testing.assert_array_equal(paper_amounts("translate", (56, 56)), np.arange(-15, 16))
    assert paper_amounts("translate", (448, 600))[[0, 1, -1]].tolist() == [-120, -110, 120]
    np.testing.assert_array_equal(paper_amounts("translate", (224, 224), by_pixel=True), np.arange(-60, 61))
    for transform in ("scale", "zoom"):
        np.testing.assert_allclose(paper_amounts(transform, (9, 9))[[0, 1, -1]], [1, 1.05, 1.8])
    assert paper_amounts("rotate", (9, 9))[[0, 1, -1]].tolist() == [0, 5, 355]


def test_pixels_move_as_far_as_the_matrix_moves_them():
    """The four pixels of 2 x 2 are sqrt(1/2) from the middle: turned by 180 degrees they move by twice as much."""
    radius = np.sqrt(0.5)
    assert displacement("rotate", np.array([180, 60]), (2, 2)) == pytest.approx([2 * radius, radius])
    assert displacement("scale", np.array([2, 0.5]), (2, 2)) == pytest.approx([radius / 2, radius])
    assert displacement("translate", np.array([-3]), (2, 2), "diagonal") == pytest.approx([3 * np.sqrt(2)])


@pytest.mark.parametrize("side", [56, 224, 227])
def test_amounts_that_move_pixels_alike_do(side):
    steps = np.arange(10) * round(side / 56)
    for transform in ("translate", "rotate", "scale", "zoom"):
        moved = displacement(transform, alike_amounts(transform, (side, side)), (side, side))
        np.testing.assert_allclose(np.unique(np.round(moved, 6)), steps, atol=1e-6, err_msg=transform)
    assert (alike_amounts("translate", (side, side)) % 1 == 0).all()  # whole pixels, which stay sharp
    slanted = alike_amounts("translate", (side, side), "diagonal")
    assert displacement("translate", slanted, (side, side), "diagonal")[9:] == pytest.approx(steps)
    assert np.median(np.abs((slanted[10:] + 0.5) % 1 - 0.5)) > 0.2  # between pixels
    assert len(alike_amounts("rotate", (side, side))) == 19


@pytest.mark.parametrize("side", [6, 16, 28, 40])
def test_small_inputs_move_in_the_same_proportion(side):
    """9 px of 56 scale by 1.7: 9 px of 16 would turn a photo inside out."""
    for transform in ("scale", "zoom"):
        amounts = alike_amounts(transform, (side, side))
        assert (np.diff(amounts) > 0).all() and 1.3 < amounts[-1] < 2.2
    moves = displacement("rotate", alike_amounts("rotate", (side, side)), (side, side))
    assert moves.max() == pytest.approx(round(9 / 56 * side)) and len(np.unique(np.round(moves, 6))) == moves.max() + 1


def test_an_input_of_a_few_pixels_has_no_such_amounts():
    with pytest.raises(OptionError, match=r"--alike moves nothing in an input of 2x3 px\. Leave it out"):
        alike_amounts("scale", (2, 3))


def test_a_zoom_shows_what_the_photo_holds_and_a_scale_what_the_network_saw():
    """Stripes of one pixel in a photo of four times the input: twice as large they are still grey, four times sharp."""
    how = Preparation((3, 16, 16), (0.5,) * 3, (0.25,) * 3, crop_pct=1.0)
    photo = np.zeros((64, 64, 3), np.uint8)
    photo[:, ::2] = 200
    scene = make_scene(photo, how)
    np.testing.assert_array_equal(view(scene, "zoom", 1.0, "vertical"), how.fit(photo))
    np.testing.assert_array_equal(view(scene, "zoom", 4.0, "vertical"), photo[24:40, 24:40])
    assert np.ptp(view(scene, "scale", 4.0, "vertical")[2:-2, 2:-2]) < 20
    with pytest.raises(OptionError, match=r"cannot be zoomed by 0.9. Choose 1 \(crop_pct\) or more"):
        view(scene, "zoom", 0.9, "vertical")
