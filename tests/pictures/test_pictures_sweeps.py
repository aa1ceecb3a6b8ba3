"""Pages of sweeps and of evolutions: every sample in its place, what is marked, nothing cut off."""

import numpy as np
import pytest

from inspectnet.pictures import evolution, sweeps
from inspectnet.pictures.curves import Curves, colour_of
from inspectnet.pictures.evolution import MARK, Block, draw_evolution
from inspectnet.pictures.sweeps import Row, draw_sweeps


def colours(count, seed=0):
    """Squares of one colour each, which nothing else on a page has."""
    drawn = np.random.default_rng(seed).integers(40, 230, (count, 3), np.uint8)
    return [np.broadcast_to(colour, (9, 9, 3)) for colour in drawn]


def middle_of(pixels, tile):
    rows, columns = np.nonzero((pixels == tile[0, 0]).all(axis=2))
    assert len(rows), "the tile is not on the page"
    return rows.mean(), columns.mean(), len(rows)


def page(photos, panels=2, names=None):
    x, rng = np.arange(5.0), np.random.default_rng(1)
    tiles = colours(photos * 3)
    samples = [tiles[3 * i : 3 * i + 3] for i in range(photos)]
    row = Row(samples, ["-1", "0", "1"], [Curves("px", x, rng.random((photos, 5)), 1.0) for _ in range(panels)])
    names = names or [f"photo {i}" for i in range(photos)]
    headings = ["samples", *(f"layer {i}" for i in range(panels))]
    return np.asarray(draw_sweeps([row, row], headings, names, title="a title", footer="a footer")), samples


def test_samples_stand_in_a_row_for_each_photo_and_a_column_for_each_amount():
    pixels, samples = page(3)
    upper = pixels[: len(pixels) // 2]
    middles = np.array([[middle_of(upper, tile) for tile in row] for row in samples])
    assert (middles[..., 2] == sweeps.TILE**2).all()
    assert np.ptp(middles[..., 0], axis=1).max() < 1 and (np.diff(middles[:, 0, 0]) > sweeps.TILE).all()
    assert np.ptp(middles[..., 1], axis=0).max() < 1 and (np.diff(middles[0, :, 1]) > sweeps.TILE).all()
    bar = [(upper[:, : sweeps.MARGIN + sweeps.BAR] == colour_of(i, 3)).all(axis=2).any(axis=1) for i in range(3)]
    for rows, y in zip(bar, middles[:, 0, 0], strict=True):
        assert np.flatnonzero(rows).mean() == pytest.approx(y, abs=1)


@pytest.mark.parametrize("photos", [1, 5, 6, 30])
def test_nothing_is_drawn_over_the_margins_whatever_the_number_of_photos_and_the_length_of_names(photos):
    pixels, _ = page(photos, panels=3, names=["a photo with quite a long name of its own"] * photos)
    for edge in (pixels[:10], pixels[-10:], pixels[:, :10], pixels[:, -10:]):
        assert (edge == 255).all()


# Evolution -------------------------------------------------------------------------------------------------


def test_maps_stand_in_rows_epochs_in_columns_and_jumps_are_marked_before_their_tile():
    tiles, jumps = colours(6), np.array([[False, True, False], [False, False, True]])
    block = Block("conv1", ["3", "17"], [tiles[:3], tiles[3:]], jumps)
    pixels = np.asarray(draw_evolution([block], ["1", "2", "40"], title="a title", footer="a jump"))
    middles = np.array([middle_of(pixels, tile)[:2] for tile in tiles]).reshape(2, 3, 2)
    assert (np.diff(middles[0, :, 1]) == evolution.SIDE + evolution.GAP).all()
    assert (np.diff(middles[:, 0, 0]) == evolution.SIDE + evolution.GAP).all()
    for m, e in ((0, 1), (1, 2), (0, 2), (1, 1)):
        y, x = middles[m, e].round().astype(int)
        before = pixels[y, x - evolution.SIDE // 2 - evolution.GAP : x - evolution.SIDE // 2]
        assert (before == MARK).all(axis=1).any() == jumps[m, e]


@pytest.mark.parametrize("count", [1, 2, 5, 6])
def test_pages_of_any_number_of_layers_keep_their_margins_and_hold_all_tiles(count):
    tiles = colours(count * 4)
    blocks = [
        Block(
            f"conv{i}", ["0", "511"], [tiles[4 * i : 4 * i + 2], tiles[4 * i + 2 : 4 * i + 4]], np.zeros((2, 2), bool)
        )
        for i in range(count)
    ]
    pixels = np.asarray(draw_evolution(blocks, ["1", "2"], title="a title", footer="a footer that is rather long " * 3))
    for edge in (pixels[:10], pixels[-10:], pixels[:, :10], pixels[:, -10:]):
        assert (edge == 255).all()
    assert all(middle_of(pixels, tile)[2] == evolution.SIDE**2 for tile in tiles)


def test_tiles_that_are_not_square_keep_their_shape():
    wide = np.full((4, 8, 3), (200, 30, 90), np.uint8)
    block = Block("fc1", ["0"], [[wide]], np.zeros((1, 1), bool))
    pixels = np.asarray(draw_evolution([block], ["1"], title="t", footer="f"))
    rows, columns = np.nonzero((pixels == (200, 30, 90)).all(axis=2))
    assert (np.ptp(columns) + 1, np.ptp(rows) + 1) == (evolution.SIDE, evolution.SIDE // 2)
