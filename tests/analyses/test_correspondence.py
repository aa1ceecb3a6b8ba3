"""Correspondence: signs counted by hand, the permutation test under chance, and faces whose parts are known."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from faces import write_faces
from nets import onnx_text

import inspectnet
from inspectnet.analyses.correspond import correspond
from inspectnet.analyses.sign_changes import compare_signs, permutation_test
from inspectnet.errors import LayerError, OptionError
from inspectnet.images.parts import MarkedPhotos, prepare_parts, read_parts
from inspectnet.images.places import Hidden, _deal, random_ways

PLAIN = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25), "crop_pct": 1.0}


def open_net(folder, body, side, mean=PLAIN["mean"], **weights):
    path = folder / "net.onnx"
    path.write_bytes(onnx_text(body, weights, image=("N", 3, side, side)).SerializeToString())
    return inspectnet.open(path, device="cpu", preparation={**PLAIN, "mean": mean}, threads=2)


def mark(x, masks):
    """Prepared photos (N, C, H, W) and their parts (P, N, H, W), as a file of them would be read."""
    ids, parts = (
        tuple(f"{name} {i}" for i in range(count)) for name, count in (("photo", len(x)), ("part", len(masks)))
    )
    return MarkedPhotos(ids, parts, x, masks, "")


def by_part(layer, name):
    """(P, ...): one of the numbers or arrays of every part in a layer."""
    return np.array([getattr(part, name) for part in layer.parts])


def p_of(layer):
    """(P, 2): by distance, and by its share of chance."""
    return np.stack([by_part(layer, "p"), by_part(layer, "p_of_chance")], axis=1)


def without_extent(folder, rng):
    """A network whose layer pool1 tells what is there, but not where."""
    body = "a = Conv (image, k)\np = GlobalAveragePool (a)\ny = Flatten (p)"
    return open_net(folder, body, 48, k=rng.standard_normal((32, 3, 5, 5)))


def corner_masks(images, side=4, parts=1):
    """Part p hides pixel (p, p) of every image."""
    masks = np.zeros((parts, images, side, side), bool)
    for part in range(parts):
        masks[part, :, part, part] = True
    return masks


def discs(rng, count, side=48):
    """Photos of noise, each with a red disc somewhere, and where it is."""
    x = rng.normal(0, 1, (count, 3, side, side)).astype(np.float32)
    masks, (ys, xs) = np.zeros((1, count, side, side), bool), np.mgrid[:side, :side]
    for image, (y, x0) in enumerate(rng.integers(12, side - 12, (count, 2))):
        masks[0, image] = np.hypot(ys - y, xs - x0) < 4.5
        x[image, :, masks[0, image]] = (2, -2, -2)
    return x, masks


def random_places(masks, count, seed=0, **how):
    """The masks (P, N, H, W) of each random place."""
    hidden = Hidden(masks, random_ways(masks, count, seed, **how))
    return [np.stack([hidden.at(part, 1 + place) for part in range(len(masks))]) for place in range(count)]


# Signs -----------------------------------------------------------------------------------------------------


def test_signs_are_compared_as_one_would_by_hand():
    found = compare_signs(np.array([[1, 0, -1, 0], [1, 1, 1, 0], [0, 0, 0, 0]], np.int8))
    assert found.differ.tolist() == [[0, 0.5, 0.5], [0.5, 0, 0.75], [0.5, 0.75, 0]]
    assert found.touched.tolist() == [[0.5, 0.75, 0.5], [0.75, 0.75, 0.75], [0.5, 0.75, 0]]
    assert found.changed.tolist() == [0.5, 0.75, 0]
    # of the first two: a quarter +, a half 0, a quarter - against three quarters + and a quarter 0
    assert found.chance[0, 1] == pytest.approx(1 - (0.25 * 0.75 + 0.5 * 0.25))


def test_many_dimensions_are_counted_exactly(rng):
    signs = rng.choice(np.array([-1, 0, 1], np.int8), (3, 200_001), p=[0.1, 0.7, 0.2])
    found = compare_signs(signs)
    expected = [[(a != b).mean() for b in signs] for a in signs]
    np.testing.assert_allclose(found.differ, expected, atol=1e-12)


def test_chance_is_the_mean_distance_of_shuffled_dimensions(rng):
    signs = rng.choice(np.array([-1, 0, 1], np.int8), (2, 300), p=[0.2, 0.5, 0.3])
    shuffled = [(signs[0] != rng.permutation(signs[1])).mean() for _ in range(2000)]
    assert compare_signs(signs).chance[0, 1] == pytest.approx(np.mean(shuffled), abs=0.003)


# The permutation test --------------------------------------------------------------------------------------


def distances(rng, places, images, consistent=0.0):
    """Distances of random sign vectors, of which those at the first place share a direction."""
    vectors, shared = rng.standard_normal((places, images, 60)), rng.standard_normal(60)
    vectors[0] += consistent * shared
    signs = np.sign(vectors).astype(np.int8).reshape(places * images, 60)
    return compare_signs(signs).differ.reshape(places, images, places, images)


def test_p_is_uniform_where_parts_are_nothing_special(rng):
    """Of 300 data sets without any part, about a tenth have p < 0.1, a hundredth p < 0.01."""
    p = np.array([permutation_test(distances(rng, 6, 4), permutations=199, seed=i) for i in range(300)])
    assert 0.06 < (p < 0.1).mean() < 0.14 and (p < 0.01).mean() < 0.03
    assert 0.42 < p.mean() < 0.58


def test_p_is_small_where_parts_are_consistent_and_large_where_they_are_the_opposite(rng):
    found = distances(rng, 8, 5, consistent=1.5)
    assert permutation_test(found, permutations=999) < 0.005
    assert permutation_test(-found, permutations=999) > 0.9


def test_relative_to_chance_p_forgets_how_many_dimensions_change(rng):
    """The part changes everything, mostly alike; random places change little: raw distances blame the part for it."""
    signs = np.zeros((5, 4, 400), np.int8)
    signs[1:] = rng.choice(np.array([-1, 0, 1], np.int8), (4, 4, 400), p=[0.05, 0.9, 0.05])
    signs[0] = np.sign(rng.standard_normal((4, 400)) + 0.8 * rng.standard_normal(400))
    found = compare_signs(signs.reshape(20, 400))
    shape = (5, 4, 5, 4)
    differ, chance = found.differ.reshape(shape), found.chance.reshape(shape)
    assert differ[0, 0, 0, 1] > 2 * differ[1, 0, 1, 1]
    assert permutation_test(differ, permutations=999) > 0.3
    assert permutation_test(differ, chance, permutations=999) < 0.01


def test_where_nothing_changes_nothing_is_consistent():
    nothing = np.zeros((3, 2, 3, 2))
    assert permutation_test(nothing, permutations=99) == permutation_test(nothing, nothing, permutations=99) == 1


# Random places ---------------------------------------------------------------------------------------------


def test_random_places_have_the_parts_shape_and_touch_no_part(rng):
    masks = np.zeros((2, 3, 20, 24), bool)
    for image in range(3):
        masks[0, image, 3:6, 2 + image : 9] = True
        masks[1, image, 10:15, 10:14] = rng.random((5, 4)) < 0.7
        masks[1, image, 10, 10] = masks[1, image, 14, 13] = True
    places = random_places(masks, 20, seed=1)
    assert len(places) == 20
    for moved in places:
        assert not (moved & masks.any(axis=0)).any()
        for part, image in np.ndindex(2, 3):
            here = [np.argwhere(m[part, image]) for m in (moved, masks)]
            assert (here[0] - here[0][0]).tolist() == (here[1] - here[1][0]).tolist()
    assert np.ptp([np.argwhere(m[0, 0])[0] for m in places], axis=0).min() > 5  # they are all over the photo
    assert all(np.array_equal(a, b) for a, b in zip(places, random_places(masks, 20, seed=1), strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(places, random_places(masks, 20, seed=2), strict=True))


def test_a_part_that_leaves_no_room_and_one_that_is_nowhere_are_refused():
    masks = np.ones((1, 2, 6, 6), bool)
    masks[:, :, 0] = False
    with pytest.raises(OptionError, match="no room beside the parts of photo 1 of 2 for a box of 6 x 5"):
        random_places(masks, 1)
    masks[0, 0], masks[0, 1] = corner_masks(1, side=6)[0, 0], False
    with pytest.raises(OptionError, match="a part of photo 2 of 2 has not a single pixel"):
        random_places(masks, 1)


# Networks --------------------------------------------------------------------------------------------------


def test_windows_give_the_signs_of_the_whole_network(rng):
    model = Path(__file__).parents[2] / "models" / "zfnet-tiny.onnx"
    x, masks = discs(rng, 3, side=56)
    marked, layers = mark(x, masks), ["pool1", "conv3", "fc7"]
    net = inspectnet.open(model, device="cpu", threads=1)
    found = [correspond(net, layers, marked, randoms=3, permutations=9, engine=e) for e in ("incremental", "whole")]
    assert [result.computed.engine for result in found] == ["incremental", "whole"]
    for layer, whole in zip(*(result.layers for result in found), strict=True):
        for name in ("distance", "changed"):
            assert by_part(layer, name).max() > 0
            np.testing.assert_array_equal(by_part(layer, name), by_part(whole, name), err_msg=layer.layer)


def test_the_numbers_of_a_network_that_does_nothing_but_look(tmp_path):
    """y is the image in 48 dimensions; hiding pixel (0, 0) changes 3 of them, up or down as the colour has it."""
    network = open_net(tmp_path, "y = Conv (image, k)", 4, k=np.eye(3)[:, :, None, None])
    x = np.ones((3, 3, 4, 4), np.float32)
    x[1, :, 0, 0] = (1, -1, 0)  # of the second photo green is on the other side of 0, and blue does not change
    x[2, :, 0, 0] = (-1, 1, 2)
    found = correspond(network, ["conv1"], mark(x, corner_masks(3)), randoms=4, permutations=99)
    (layer,) = found.layers
    assert layer.layer == "conv1" and found.hidden.ways.shape == (4, 1, 3, 2)
    (part,) = layer.parts
    assert (part.changed[0] * 48).tolist() == pytest.approx([3, 2, 3])
    assert (part.distance[0] * 48).tolist() == pytest.approx([2, 1, 3])  # pairs 01, 02, 12
    assert part.among_touched[0].tolist() == pytest.approx([2 / 3, 1 / 3, 1])
    at_random = {round(48 * d) for d in part.distance[1:].ravel()}
    assert at_random <= {0, 6}  # the same three dimensions, all up; or three here and three there
    assert part.swapped is None and (p_of(layer) > 0).all() and (p_of(layer) <= 1).all()
    assert part.hidden.mean == pytest.approx(2 / 48) and part.hidden.of_touched == pytest.approx(2 / 3)
    assert part.hidden.share_mean == pytest.approx((part.distance[0] / part.chance[0]).mean())


def test_the_distance_to_other_parts_leaves_out_the_same_photo(tmp_path):
    network = open_net(tmp_path, "y = Conv (image, k)", 4, k=np.eye(3)[:, :, None, None])
    found = correspond(network, ["conv1"], mark(np.ones((2, 3, 4, 4), np.float32), corner_masks(2, parts=2)), randoms=1)
    assert [part.swapped.change.mean for part in found.layers[0].parts] == pytest.approx([6 / 48] * 2)
    assert by_part(found.layers[0], "distance")[:, 0].ravel().tolist() == [0, 0]


def test_swapped_parts_are_less_alike_where_parts_differ_and_as_alike_where_they_do_not(tmp_path, rng):
    """Red, and blue, discs in photos of noise, seen by a layer without extent; then red ones with two names."""
    network = without_extent(tmp_path, rng)
    x, red = discs(rng, 7)
    _, blue = discs(rng, 7)
    blue &= ~red

    def p_swapped(colours):
        for masks, colour in zip((red, blue), colours, strict=True):
            for image, mask in enumerate(masks[0]):
                x[image, :, mask] = colour
        found = correspond(network, ["pool1"], mark(x, np.concatenate([red, blue])), randoms=1, permutations=999)
        return np.array([[part.swapped.p, part.swapped.p_of_chance] for part in found.layers[0].parts])

    assert (p_swapped([(2, -2, -2), (-2, -2, 2)]) <= 0.02).all()  # the other colour in all photos is a draw of 128
    assert (p_swapped([(2, -2, -2)] * 2) > 0.05).all()


@pytest.mark.parametrize(
    ("fill", "mean", "changed"),
    [("mean", (0.5, 0.5, 0.5), 3), ("0.75", (0.5, 0.5, 0.5), 0), (0.5, (0.25, 0.5, 0.25), 1)],
)
def test_what_hides_decides_what_changes(fill, mean, changed, tmp_path):
    """The photos are 1 in prepared units, so is a grey level that is a deviation above the mean of its channel."""
    network = open_net(tmp_path, "y = Conv (image, k)", 4, mean, k=np.eye(3)[:, :, None, None])
    x = np.ones((2, 3, 4, 4), np.float32)
    found = correspond(network, ["conv1"], mark(x, corner_masks(2)), randoms=1, fill=fill).layers[0]
    assert (found.parts[0].changed * 48).ravel().tolist() == pytest.approx([changed] * 4)


def test_layers_without_extent_count_too_and_changes_below_the_tolerance_do_not(tmp_path):
    body = "a = Conv (image, k)\nf = Flatten (a)\ny = Gemm (f, w)"
    w = np.zeros((48, 2))
    w[:, 0], w[:, 1] = 1, 1e-9
    network = open_net(tmp_path, body, 4, k=np.eye(3)[:, :, None, None], w=w)
    x = np.ones((2, 3, 4, 4), np.float32)
    found = correspond(network, ["conv1", "fc2"], mark(x, corner_masks(2)), randoms=2)
    assert [layer.layer for layer in found.layers] == ["conv1", "fc2"]
    assert found.layers[1].parts[0].changed.ravel().tolist() == [0.5] * 6


def test_the_batch_size_changes_nothing(tmp_path, rng):
    network = open_net(tmp_path, "a = Conv (image, k)\ny = Relu (a)", 12, k=rng.standard_normal((5, 3, 3, 3)))
    x, masks = rng.standard_normal((3, 3, 12, 12)).astype(np.float32), corner_masks(3, 12, parts=2)
    one, other = (correspond(network, ["conv1"], mark(x, masks), permutations=99, batch_size=n) for n in (2, 64))
    for layer, again in zip(one.layers, other.layers, strict=True):
        np.testing.assert_array_equal(by_part(layer, "distance"), by_part(again, "distance"))
        np.testing.assert_array_equal(p_of(layer), p_of(again))


def test_the_rank_among_random_places_is_counted_without_keeping_their_signs(tmp_path, rng):
    """The same distances as with permutations; p is how many random places are as low, the part among them."""
    network = open_net(tmp_path, "a = Conv (image, k)\ny = Relu (a)", 12, k=rng.standard_normal((5, 3, 3, 3)))
    x, masks = rng.standard_normal((3, 3, 12, 12)).astype(np.float32), corner_masks(3, 12, parts=2)
    mixed, ranked = (
        correspond(network, ["conv1"], mark(x, masks), randoms=19, permutations=n).layers[0] for n in (99, 0)
    )
    for name in ("distance", "among_touched", "chance", "changed"):
        np.testing.assert_allclose(by_part(ranked, name), by_part(mixed, name), err_msg=name)
    for part, as_mixed in zip(ranked.parts, mixed.parts, strict=True):
        assert part.swapped.change == as_mixed.swapped.change
        raw, relative = part.distance.sum(axis=1), part.chance.sum(axis=1)
        lower = [(each <= each[0] * (1 + 1e-9)).mean() for each in (raw, raw / relative)]
        assert [part.p, part.p_of_chance] == pytest.approx(lower)


def test_p_values_are_corrected_for_all_layers_parts_and_measures_together(tmp_path, rng):
    network = open_net(tmp_path, "a = Conv (image, k)\nr = Relu (a)\ny = Conv (r, j)", 12,
                       k=rng.standard_normal((5, 3, 3, 3)), j=rng.standard_normal((4, 5, 1, 1)))  # fmt: skip
    x, masks = rng.standard_normal((3, 3, 12, 12)).astype(np.float32), corner_masks(3, 12, parts=2)
    found = correspond(network, ["conv1", "conv2"], mark(x, masks), randoms=9, permutations=0).layers
    p, corrected = (
        np.array(
            [
                [[getattr(of, f"{name}{end}") for name in ("p", "p_of_chance")] for of in (part, part.swapped)]
                for layer in found for part in layer.parts
            ]
        )
        for end in ("", "_corrected")
    )  # fmt: skip
    assert p.shape == (4, 2, 2) and (corrected >= p).all() and corrected.max() <= 1
    for by in range(2):  # random places, and swapped parts, each by themselves
        assert corrected[:, by].min() == pytest.approx(min(1, 8 * p[:, by].min()))


def test_one_photo_and_unknown_layers_are_refused(tmp_path):
    network = open_net(tmp_path, "y = Conv (image, k)", 4, k=np.eye(3)[:, :, None, None])
    with pytest.raises(OptionError, match="consistency is between photos, and there is 1 only"):
        correspond(network, ["conv1"], mark(np.ones((1, 3, 4, 4), np.float32), corner_masks(1)))
    with pytest.raises(LayerError, match="conv9"):
        correspond(network, ["conv9"], mark(np.ones((2, 3, 4, 4), np.float32), corner_masks(2)))


# Faces -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("faces"), count=6, side=48, seed=3)


@pytest.fixture
def layers(tmp_path):
    """Two layers of random filters, which know nothing of faces: sums of pixels change alike all the same."""
    rng = np.random.default_rng(7)
    body = """a = Conv <strides=[2,2]> (image, k)\nr = Relu (a)
    p = MaxPool <kernel_shape=[3,3], strides=[2,2]> (r)\nb = Conv (p, j)\ny = Relu (b)"""
    return open_net(tmp_path, body, 48, k=rng.standard_normal((24, 3, 5, 5)), j=rng.standard_normal((24, 24, 3, 3)))


def test_parts_of_drawn_faces_are_consistent_at_a_convolution_and_random_places_are_not(faces, layers):
    marked = prepare_parts(read_parts(faces), layers.preparation)
    found = correspond(layers, ["conv1", "conv2"], marked, randoms=8, permutations=1999)
    assert found.parts == marked.parts == ("right eye", "left eye", "nose")
    first, second = found.layers
    assert (p_of(first) < 0.01).all() and (p_of(second)[:, 1] < 0.01).all(), (p_of(first), p_of(second))
    for part in first.parts:
        assert part.hidden.mean < part.random.mean and part.hidden.mean < part.swapped.change.mean


def test_places_that_mean_nothing_are_not_consistent(faces, layers):
    """The parts themselves drawn at random: p is small as rarely as chance has it."""
    marked = prepare_parts(read_parts(faces), layers.preparation)
    p = []
    for seed in range(4):
        (moved,) = random_places(marked.masks, 1, seed=100 + seed)
        found = correspond(layers, ["conv1"], mark(marked.x, moved), randoms=6, permutations=499, seed=seed)
        p += p_of(found.layers[0])[:, 1].tolist()
    assert np.median(p) > 0.1 and min(p) > 0.001, p


# Parts at one place ----------------------------------------------------------------------------------------


def test_one_place_in_all_photos_looks_consistent_unless_random_places_move_together(layers, rng):
    """Nothing is there but noise: it is the units that are the same, not what they see."""
    x, place = rng.normal(0, 1, (6, 3, 48, 48)).astype(np.float32), np.zeros((1, 6, 48, 48), bool)
    place[:, :, 20:27, 22:29] = True
    apart = correspond(layers, ["conv1"], mark(x, place), randoms=8, permutations=1999).layers[0]
    together = correspond(layers, ["conv1"], mark(x, place), randoms=49, together=True).layers[0]
    assert (p_of(apart) < 0.01).all() and (p_of(together) > 0.05).all()


def test_a_thing_that_is_the_same_wherever_it_lies_is_found_with_places_moved_together(tmp_path, rng):
    """Red discs, seen by a layer without extent, in which places play no part: p is the least that there is.

    No ReLU, behind which hiding noise would always take away, and so be as consistent.
    """
    network = without_extent(tmp_path, rng)
    x, masks = discs(rng, 5)
    found = correspond(network, ["pool1"], mark(x, masks), randoms=49, together=True).layers[0]
    assert p_of(found)[0].tolist() == pytest.approx([1 / 50] * 2)
    assert found.parts[0].hidden.mean < 0.5 * found.parts[0].random.mean


def test_places_are_dealt_out_wherever_that_can_be(rng):
    """Against all orders of up to five; and a chain of 1200, in which the last makes every other change."""
    for _ in range(100):
        free = rng.random((count := rng.integers(1, 6),) * 2) < 0.5
        can = any(free[range(count), order].all() for order in itertools.permutations(range(count)))
        dealt = _deal(free, rng)
        assert (dealt is not None) == can
        assert not can or (sorted(dealt) == list(range(count)) and free[range(count), dealt].all())
    assert _deal(np.tri(1200, dtype=bool), rng).tolist() == list(range(1200))


def middles(masks):
    """The middles of masks (N, H, W), sorted."""
    return np.array(sorted(tuple(np.argwhere(mask).mean(axis=0)) for mask in masks))


def test_places_that_lie_together_are_the_parts_own_moved_by_one_step(rng):
    """As many and as different as they are in 30 photos, whose parts no single way leaves untouched."""
    _, masks = discs(rng, 30)
    steps = set()
    for moved in random_places(masks, 10, seed=2, together=True):
        assert not (moved & masks).any() and (moved.sum(axis=(2, 3)) == masks.sum(axis=(2, 3))).all()
        step = middles(moved[0]) - middles(masks[0])
        np.testing.assert_allclose(step, step[:1].repeat(30, axis=0), atol=1e-9)
        steps.add(tuple(step[0].round(6)))
    assert len(steps) > 3


def test_places_that_cannot_lie_together_are_refused():
    """Two corners, each of which a part has in both photos."""
    corners = np.zeros((2, 2, 9, 9), bool)
    corners[0, 0, :4, :4] = corners[1, 1, :4, :4] = corners[0, 1, 5:, 5:] = corners[1, 0, 5:, 5:] = True
    with pytest.raises(OptionError, match="places of part 1 of 2 cannot be moved and dealt out anew among the photos"):
        random_places(corners, 1, together=True)
    freed = random_places(corners[:1], 1, together=True)[0]
    assert (freed == corners[:1, ::-1]).all()  # without the other part they change places
