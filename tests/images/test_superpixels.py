"""Superpixels: what of them is told of pixels, and that each is hidden as it is."""

import numpy as np
import pytest

from inspectnet.errors import OptionError
from inspectnet.images.hiding import hidden_images
from inspectnet.images.superpixels import Superpixels, superpixels

LABELS = np.array([[0, 0, 1], [0, 2, 1], [2, 2, 1]])


def test_each_pixel_has_what_is_told_of_its_patch(rng):
    places, values = Superpixels(LABELS), rng.normal(size=(3, 3))
    assert places.boxes.tolist() == [[0, 0, 2, 2], [0, 2, 3, 3], [1, 0, 3, 2]]
    np.testing.assert_array_equal(places.spread(np.array([[5, 6, 7]]))[0], np.array([5, 6, 7])[LABELS])
    sums = [values[number == LABELS].sum() for number in range(3)]
    np.testing.assert_allclose(places.sums(values), np.array(sums)[LABELS])
    assert [places.count([number]) for number in range(3)] == [3, 3, 3] and places.count([0, 2]) == 6


def test_a_patch_of_the_cover_is_all_that_changes(rng):
    x, cover = rng.normal(size=(2, 2, 3, 3)).astype(np.float32)
    images = hidden_images(x, cover, Superpixels(LABELS), np.array([2, 0]))
    for image, number in zip(images, (2, 0), strict=True):
        np.testing.assert_array_equal(image, np.where(number == LABELS, cover, x))


def test_patches_follow_the_colours_of_a_photo():
    slic = pytest.importorskip("skimage.segmentation", reason="scikit-image is not here").slic
    photo = np.zeros((24, 32, 3), np.uint8)
    photo[:, 17:], photo[13:, :, 1] = (200, 0, 0), 180
    places = superpixels(photo, 12)
    assert places.labels.dtype == np.int64 and callable(slic)
    for number in range(len(places.boxes)):
        assert len(np.unique(photo[places.labels == number], axis=0)) == 1
    with pytest.raises(OptionError, match=r"superpixels of 25 px do not fit into the image of 24 x 32"):
        superpixels(photo, 25)
