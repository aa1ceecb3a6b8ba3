from dataclasses import replace

import pytest
import torch

from trainers.data.augment import Preparation, augment, centre, jitter, resized_boxes, whole_pixel_crops
from trainers.recipe.recipe import PAPER, TINY


def numbered(count: int, side: int) -> torch.Tensor:
    """Pictures whose pixels tell where they stood: (row, column, picture)."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    one = torch.stack([rows, columns, torch.zeros_like(rows)], dim=2)
    pictures = one.repeat(count, 1, 1, 1)
    pictures[..., 2] = torch.arange(count)[:, None, None]
    return pictures.to(torch.uint8)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("corners, places", [(True, 5), (False, 25)])
def test_crops_are_whole_pixels_at_the_places_allowed(corners, places):
    crops = whole_pixel_crops(numbered(250, 12), 8, corners, generator())
    assert crops.shape == (250, 8, 8, 3)
    assert torch.equal(crops[:, 0, 0, 2], torch.arange(250).to(torch.uint8))
    mirrored = crops[:, 0, 0, 1] > crops[:, 0, 7, 1]
    assert 0.4 < mirrored.float().mean() < 0.6
    upright = torch.where(mirrored[:, None, None, None], crops.flip(2), crops)
    top_left = upright[:, 0, 0, :2].int()
    assert len(set(map(tuple, top_left.tolist()))) == places
    assert torch.equal(
        upright[..., :2].int() - top_left[:, None, None], numbered(1, 8)[..., :2].int().expand(250, -1, -1, -1)
    )


def test_boxes_stay_inside_and_cover_at_least_their_area():
    crops = resized_boxes(numbered(400, 64), 56, 0.5, generator())
    height = crops[:, -1, 0, 0] - crops[:, 0, 0, 0]
    width = (crops[:, 0, -1, 1] - crops[:, 0, 0, 1]).abs()
    part = (height / 55) * (width / 55) * (56 / 64) ** 2
    assert crops.min() >= 0
    assert part.min() > 0.49
    assert part.max() <= 1.001
    assert 0.7 < part.mean() < 0.8


def test_the_whole_picture_resized_to_its_own_size_is_itself():
    pictures = numbered(3, 16)
    crops = resized_boxes(pictures, 16, 1.0, generator())
    upright = torch.where((crops[:, 0, 0, 1] > 8)[:, None, None, None], crops.flip(2), crops)
    aspect_changes = (upright - pictures).abs().amax()
    assert aspect_changes < 2.1  # a box of full area may still be a little narrower than the picture


def test_jitter_keeps_grey_grey_and_is_different_for_each_picture():
    grey = torch.full((8, 4, 4, 3), 100.0)
    changed = jitter(grey, 0.2, generator())
    assert torch.equal(changed[..., 0], changed[..., 2])
    assert len(changed[:, 0, 0, 0].unique()) == 8
    assert (changed - 100).abs().max() <= 0.2 * 128


@pytest.mark.parametrize("recipe", [PAPER, TINY, replace(TINY, crop="resized", smallest_area=0.4, colour_jitter=0.2)])
def test_the_same_seed_gives_the_same_crops(recipe):
    pictures = numbered(20, 64)
    crops = [augment(pictures, 56, recipe, generator(seed)) for seed in (1, 1, 2)]
    assert torch.equal(crops[0], crops[1])
    assert not torch.equal(crops[0], crops[2])


def test_preparation_is_timms():
    pixels = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(1, 1, 1, 3)
    prepared = Preparation([0.5, 0.2, 0.0], [0.5, 0.1, 1 / 255])(pixels)
    assert prepared.shape == (1, 3, 1, 1)
    assert prepared.flatten().tolist() == pytest.approx([-1.0, 0.0, 255.0], abs=1e-4)


def test_the_centre_is_where_the_evaluator_looks():
    assert centre(numbered(1, 64), 56)[0, 0, 0].tolist() == [4, 4, 0]
    assert centre(numbered(1, 9), 4)[0, 0, 0].tolist() == [2, 2, 0]
