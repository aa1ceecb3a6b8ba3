"""Receptive fields: the paper's table, what single pixels really reach, and crops that are aligned."""

import numpy as np
import pytest
from small import build, run, session

from inspectnet.graph.fields import receptive_fields
from inspectnet.graph.free_extent import free_extent
from inspectnet.graph.subgraphs import cut
from inspectnet.graph.values import shape_of

# The table ------------------------------------------------------------------------------------------------


def stack(op, x, stages):
    """A chain of thin convolutions and pools; each value is called as its stage."""
    for name, k, s, pads, more in stages:
        geometry = dict(strides=[s, s], pads=pads, **more)
        if name.startswith("conv"):
            x = op.Relu(op.Conv(x, np.ones((1, x.shape[1] if name == "conv1" else 1, k, k)), **geometry))
        else:
            x = op.MaxPool(x, kernel_shape=[k, k], **geometry)
        x.name = name
    return op.Identity(x)


NONE, ONE, TWO, CEIL = [0] * 4, [1] * 4, [2] * 4, {"ceil_mode": 1}
TAIL = [("conv3", 3, 1, ONE, {}), ("conv4", 3, 1, ONE, {}), ("conv5", 3, 1, ONE, {}), ("pool5", 3, 2, NONE, {})]
ZFNET_CEIL = [
    ("conv1", 7, 2, [0, 0, 1, 1], {}), ("pool1", 3, 2, NONE, CEIL),
    ("conv2", 5, 2, NONE, {}), ("pool2", 3, 2, NONE, CEIL), *TAIL,
]  # fmt: skip
ZFNET_PADDED = [
    ("conv1", 7, 2, ONE, {}), ("pool1", 3, 2, ONE, {}), ("conv2", 5, 2, NONE, {}), ("pool2", 3, 2, ONE, {}), *TAIL,
]  # fmt: skip
ALEXNET = [
    ("conv1", 11, 4, NONE, {}), ("pool1", 3, 2, NONE, {}), ("conv2", 5, 1, TWO, {}), ("pool2", 3, 2, NONE, {}), *TAIL,
]  # fmt: skip

# paper.md 1.5: extent of the map, receptive field, jump
ZFNET_TABLE = {
    "conv1": (110, 7, 2), "pool1": (55, 11, 4), "conv2": (26, 27, 8), "pool2": (13, 43, 16),
    "conv3": (13, 75, 16), "conv4": (13, 107, 16), "conv5": (13, 139, 16), "pool5": (6, 171, 32),
}  # fmt: skip
ALEXNET_TABLE = {
    "conv1": (55, 11, 4), "pool1": (27, 19, 8), "conv2": (27, 51, 8), "pool2": (13, 67, 16),
    "conv3": (13, 99, 16), "conv4": (13, 131, 16), "conv5": (13, 163, 16), "pool5": (6, 195, 32),
}  # fmt: skip


@pytest.mark.parametrize(
    ("stages", "side", "table", "centre"),
    [
        pytest.param(ZFNET_CEIL, 224, ZFNET_TABLE, 21, id="zfnet ceil"),
        pytest.param(ZFNET_PADDED, 224, ZFNET_TABLE, 10, id="zfnet padded"),
        pytest.param(ALEXNET, 227, ALEXNET_TABLE, 17, id="alexnet"),
    ],
)
def test_the_fields_of_the_papers_networks_are_as_computed_by_hand(stages, side, table, centre):
    model = build((3, side, side), lambda op, x: stack(op, x, stages))
    fields = {value.name: (value, field) for value, field in receptive_fields(model.graph).items()}
    for name, (extent, size, jump) in table.items():
        value, field = fields[name]
        assert shape_of(value)[2:] == (extent, extent), name
        assert [(a.size, a.jump, a.grid) for a in field] == [(size, jump, jump)] * 2, name
    conv5 = fields["conv5"][1][0]
    assert conv5.start + (conv5.size - 1) / 2 == centre


# What single pixels reach ----------------------------------------------------------------------------------


def support(model):
    """For each unit of the first map of 'y', which pixels of the image (1, H, W) reach it: (h, w, H, W).

    All weights are positive and there are no biases, so that a unit answers to a lone pixel if it sees it.
    """
    _, height, width = shape_of(model.graph.inputs[0])[1:]
    pixels = np.eye(height * width, dtype=np.float32).reshape(-1, 1, height, width)
    answers = run(model, pixels)[:, 0]
    return np.moveaxis(answers.reshape(height, width, *answers.shape[1:]), (0, 1), (2, 3)) > 0


def spans(seen):
    """The hull [first, last + 1) of the pixels seen along each axis, or None where nothing is seen."""
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    return [(rows[0], rows[-1] + 1), (columns[0], columns[-1] + 1)] if len(rows) else None


def random_window(rng):
    """A convolution or pool of random geometry, different along both axes."""
    kernel, strides = rng.integers(1, 4, 2), rng.integers(1, 3, 2)
    dilations = rng.integers(1, 3, 2)
    pads = rng.integers(0, np.tile(kernel, 2))
    geometry = {"strides": strides, "pads": pads, "dilations": dilations}
    kind = rng.choice(["conv", "max", "average"])

    def write(op, x):
        plain = {key: [int(n) for n in numbers] for key, numbers in geometry.items()}
        sizes = [int(n) for n in kernel]
        if kind == "conv":
            return op.Relu(op.Conv(x, np.ones((1, 1, *sizes)), **plain))
        ceil = int(rng.integers(2))
        pool = op.MaxPool if kind == "max" else op.AveragePool
        return pool(x, kernel_shape=sizes, ceil_mode=ceil, **plain)

    return write


def answering(model):
    """As `support`, for any weights: which pixels of a random image change a unit of 'y' (N, C, h, w) in any map."""
    channels, height, width = shape_of(model.graph.inputs[0])[1:]
    image = np.random.default_rng(7).random((1, channels, height, width), np.float32)
    lone = np.eye(height * width, dtype=np.float32).reshape(-1, 1, height, width)
    changes = np.abs(run(model, image + lone) - run(model, image)).max(axis=1)
    return np.moveaxis(changes.reshape(height, width, *changes.shape[1:]), (0, 1), (2, 3)) > 1e-5


def field_of(model, name="y"):
    return next(field for value, field in receptive_fields(model.graph).items() if value.name == name)


def check_fields(model, look=support):
    """The field of every unit of 'y' holds its support; inside the image it is the support's hull."""
    field = field_of(model)
    seen, extents = look(model), shape_of(model.graph.inputs[0])[2:]
    inside = 0
    for place in np.ndindex(*seen.shape[:2]):
        wanted = [axis.span(p) for axis, p in zip(field, place, strict=True)]
        found = spans(seen[place])
        if found is None:
            continue
        for (first, end), (low, high), extent in zip(wanted, found, extents, strict=True):
            assert first <= low and high <= end
            if first >= 0 and end <= extent:
                assert (first, end) == (low, high)
                inside += 1
    return inside


@pytest.mark.parametrize("seed", range(25))
def test_the_field_of_a_chain_is_what_its_units_see(seed):
    rng = np.random.default_rng(seed)
    windows = [random_window(rng) for _ in range(rng.integers(1, 4))]

    def write(op, x):
        for window in windows:
            x = window(op, x)
        return op.Identity(x)

    assert check_fields(build((1, 17, 23), write)) > 0


@pytest.mark.parametrize("seed", range(12))
def test_where_paths_join_the_field_is_the_hull_of_what_is_seen(seed):
    """Inception's module: paths of equal stride, of different reach and padding, concatenated or added."""
    rng = np.random.default_rng(seed)
    strides = [int(n) for n in rng.integers(1, 3, 2)]
    reaches = [[1, 1], *([2 * int(k) + 1 for k in rng.integers(0, 3, 2)] for _ in range(2))]

    def write(op, x):
        x = op.Relu(op.Conv(x, np.ones((1, 1, 3, 2)), strides=strides))
        paths = [op.Conv(x, np.ones((1, 1, *r)), pads=[r[0] // 2, r[1] // 2] * 2) for r in reaches]
        pooled = op.AveragePool(x, kernel_shape=[3, 3], pads=[1] * 4)
        if seed % 2:
            return op.Sum(*paths, pooled)
        return op.Conv(op.Concat(*paths, pooled, axis=1), np.ones((1, 4, 1, 1)))

    assert check_fields(build((1, 18, 16), write)) > 0


def test_padding_and_cutting_by_pad_move_the_field():
    def write(op, x):
        return op.Conv(op.Pad(x, [0, 0, 2, -1, 0, 0, 1, 3]), np.ones((1, 1, 3, 3)), strides=[2, 1])

    assert check_fields(build((1, 12, 11), write)) > 0


@pytest.mark.parametrize(
    ("kernel", "stride", "pad"), [(3, 1, 1), (2, 1, 0), (2, 2, 0), (4, 2, 1), (3, 2, 1), (5, 3, 2)]
)
def test_the_field_of_a_transposed_convolution_holds_what_is_seen(kernel, stride, pad):
    def write(op, x):
        x = op.Conv(x, np.ones((1, 1, 3, 3)), strides=[2, 2])
        return op.ConvTranspose(x, np.ones((1, 1, kernel, kernel)), strides=[stride] * 2, pads=[pad] * 4)

    model = build((1, 13, 15), write)
    (field,) = [f for value, f in receptive_fields(model.graph).items() if value.name == "y"]
    seen = support(model)
    for place in np.ndindex(*seen.shape[:2]):
        for axis, p, (low, high) in zip(field, place, spans(seen[place]), strict=True):
            assert axis.span(p)[0] <= low and high <= axis.span(p)[1]


# Channels last, shuffled, resampled ------------------------------------------------------------------------


def random(*shape):
    return np.random.default_rng(sum(shape)).random(shape) + 0.1


def convnext(op, x):
    """A patchify stem and a block: depthwise 3x3, then everything on the last axis, then back and added."""
    x = op.Conv(x, random(3, 1, 2, 2), strides=[2, 2])
    y = op.Conv(x, random(3, 1, 3, 3), pads=[1] * 4, group=3)
    y = op.LayerNormalization(op.Transpose(y, perm=[0, 2, 3, 1]), random(3), random(3), axis=-1)
    y = op.Gelu(op.Add(op.MatMul(y, random(3, 5)), random(5)))
    y = op.Transpose(op.MatMul(y, random(5, 3)), perm=[0, 3, 1, 2])
    return op.Conv(op.Add(x, op.Mul(y, random(3, 1, 1))), random(3, 3, 3, 2), strides=[1, 2])


def mixed_channels(op, x):
    """What mixes or moves channels only, first or last: softmax, mean, look-up, cut, groups on two axes."""
    x = op.Conv(x, random(4, 1, 2, 3), strides=[2, 1])
    y = op.Mul(op.Softmax(x, axis=1), op.Sub(x, op.ReduceMean(x, [1], keepdims=1)))
    y = op.Slice(op.Concat(y, op.Gather(y, [2, 0], axis=1), axis=1), [1], [5], [1])
    y = op.Transpose(y, perm=[0, 3, 2, 1])
    y = op.Softmax(op.Reshape(y, [0, 0, 0, 2, 2]), axis=-1)
    return op.Conv(op.Transpose(op.Reshape(y, [0, 0, 0, -1]), perm=[0, 3, 2, 1]), random(2, 4, 2, 2))


def enlarged(transform, rounding):
    def write(op, x):
        x = op.Conv(x, random(1, 1, 3, 2), strides=[2, 1])
        how = {"coordinate_transformation_mode": transform, "nearest_mode": rounding, "mode": "nearest"}
        x = op.Resize(x, None, op.constant(np.array([1, 1, 2, 3], np.float32)), **how)
        return op.Conv(x, random(1, 1, 2, 2), strides=[2, 3])

    return write


def squared(op, x):
    """Places to channels and back, with filters between."""
    x = op.SpaceToDepth(op.Conv(x, random(1, 1, 2, 2)), blocksize=2)
    return op.Conv(op.DepthToSpace(op.Conv(x, random(4, 4, 2, 1)), blocksize=2), random(1, 1, 3, 3), strides=[2, 2])


def shuffled(op, x):
    """PixelShuffle: channels to places, the other way round."""
    x = op.Conv(x, random(8, 1, 3, 2))
    return op.Conv(op.DepthToSpace(x, blocksize=2, mode="CRD"), random(1, 2, 3, 3))


EXACT = {"convnext": convnext, "mixed channels": mixed_channels}
HULLS = {
    "enlarged, torch": enlarged("asymmetric", "floor"),
    "enlarged, half a pixel": enlarged("half_pixel", "round_prefer_floor"),
    "squared": squared,
    "shuffled": shuffled,
}


@pytest.mark.parametrize("name", EXACT)
def test_a_field_is_followed_where_only_channels_mix(name):
    assert check_fields(build((1, 16, 19), EXACT[name]), answering) > 0


@pytest.mark.parametrize("name", HULLS)
def test_a_field_is_held_where_the_map_is_resampled(name):
    model = build((1, 15, 13), HULLS[name])
    field, seen, sizes = field_of(model), answering(model), set()
    for place in np.ndindex(*seen.shape[:2]):
        for axis, p, (low, high), extent in zip(field, place, spans(seen[place]), (15, 13), strict=True):
            first, end = axis.span(p)
            assert first <= low and high <= end
            sizes.add((end - first) - (high - low) if first >= 0 and end <= extent else 0)
    assert max(sizes) <= 3  # the hull is not much wider than what is seen


@pytest.mark.parametrize("name", [*EXACT, *HULLS])
def test_a_crop_gives_the_unit_of_the_whole_image_through_all_of_these(name):
    check_crops(build((1, 33, 29), (EXACT | HULLS)[name]))


def test_shuffled_channels_keep_their_place_but_their_shapes_are_for_the_whole_image():
    """ShuffleNet: (N, C, H, W) -> (N, g, C/g, H, W), transposed, -> (N, C, H, W), with the extents written out."""

    def write(op, x):
        x = op.Reshape(op.Conv(x, random(4, 1, 3, 3)), [-1, 2, 2, 10, 12])
        x = op.Reshape(op.Transpose(x, perm=[0, 2, 1, 3, 4]), [-1, 4, 10, 12])
        return op.Conv(x, random(2, 2, 3, 3), strides=[2, 2], group=2)

    model = build((1, 12, 14), write)
    assert check_fields(model, answering) > 0
    assert [axis.crop for axis in field_of(model)] == [12, 14]


WHOLE = {
    "instance norm": lambda op, x: op.InstanceNormalization(x, random(4), random(4)),
    "norm over all": lambda op, x: op.LayerNormalization(x, random(4, 8, 8), axis=1),
    "norm over a row": lambda op, x: op.LayerNormalization(x, random(8), axis=-1),
    "softmax over a row": lambda op, x: op.Softmax(x, axis=-1),
    "mean over a row": lambda op, x: op.Add(x, op.ReduceMean(x, [3], keepdims=1)),
    "matrix on a row": lambda op, x: op.MatMul(x, random(8, 8)),
    "matrix on columns": lambda op, x: op.MatMul(random(8, 8), x),
    "places as channels": lambda op, x: op.Reshape(op.Reshape(x, [0, 8, 8, 4]), [0, 4, 8, 8]),
    "attention": lambda op, x: op.MatMul(x, op.Transpose(x, perm=[0, 1, 3, 2])),
}


@pytest.mark.parametrize("name", WHOLE)
def test_where_places_mix_there_is_no_field(name):
    model = build((1, 8, 8), lambda op, x: op.Relu(WHOLE[name](op, op.Relu(op.Conv(x, random(4, 1, 1, 1))))))
    assert field_of(model) is None


def test_a_constant_for_each_place_joins_the_channels_of_the_whole_image_only():
    """CoordConv: two channels say where one is."""
    where = np.stack(np.mgrid[:12, :10])[None].astype(np.float32)
    model = build((1, 12, 10), lambda op, x: op.Conv(op.Concat(where, x, axis=1), random(2, 3, 3, 3), strides=[2, 2]))
    field = field_of(model)
    assert [(a.size, a.jump, a.start) for a in field] == [(3, 2, 0)] * 2
    assert [axis.crop for axis in field] == [12, 10]


def test_what_sees_the_whole_image_has_no_field():
    def write(op, x):
        gate = op.Sigmoid(op.Conv(op.GlobalAveragePool(x), np.ones((2, 2, 1, 1))))
        gate.name = "gate"
        return op.Mul(x, gate)

    fields = {value.name: field for value, field in receptive_fields(build((2, 8, 8), write).graph).items()}
    assert fields["gate"] is None and fields["y"] is None


def test_a_window_over_the_whole_map_that_is_spread_again_has_no_field():
    """Its output lies at one place, but every place of the sum hears of it."""
    model = build((2, 6, 6), lambda op, x: op.Add(x, op.Conv(x, np.ones((2, 2, 6, 6)))))
    assert [f for value, f in receptive_fields(model.graph).items() if value.name == "y"] == [None]


def test_paths_of_different_stride_have_no_common_field():
    def write(op, x):
        a = op.Conv(x, np.ones((1, 1, 2, 2)), strides=[2, 2])
        b = op.Conv(x, np.ones((1, 1, 5, 5)))
        return op.Concat(a, b, axis=1)

    model = build((1, 8, 8), write)
    assert [f for value, f in receptive_fields(model.graph).items() if value.name == "y"] == [None]


def test_behind_a_mean_image_a_unit_sees_its_field_but_no_crop_will_do():
    """The paper subtracts the mean of each pixel; baked into a graph, it fits the whole image only."""
    mean = np.ones((3, 20, 24), np.float32)
    model = build((3, 20, 24), lambda op, x: op.Conv(op.Sub(x, mean), np.ones((1, 3, 3, 3)), strides=[2, 2]))
    (field,) = [f for value, f in receptive_fields(model.graph).items() if value.name == "y"]
    assert [(a.size, a.jump, a.start) for a in field] == [(3, 2, 0)] * 2
    assert [a.crop for a in field] == [20, 24]
    assert [a.crop_start(p) for a in field for p in range(4)] == [0] * 8


# Crops -----------------------------------------------------------------------------------------------------


def chain(seed):
    """The field at the end of a few windows, one of which may enlarge."""
    rng = np.random.default_rng(seed)
    windows = [random_window(rng) for _ in range(3)]

    def write(op, x):
        for window in windows:
            x = window(op, x)
        if seed % 3 == 0:
            x = op.ConvTranspose(x, np.ones((1, 1, 3, 3)), strides=[2, 3])
        return op.Identity(x)

    return field_of(build((1, 47, 59), write))


@pytest.mark.parametrize("seed", range(20))
def test_a_crop_is_aligned_inside_the_image_and_holds_what_its_unit_sees(seed):
    for axis in chain(seed):
        assert 0 < axis.crop <= axis.image
        assert (axis.image - axis.crop) % axis.grid == 0
        for position in range(len(axis.first)):
            start = axis.crop_start(position)
            assert start % axis.grid == 0
            assert 0 <= start <= min(axis.first[position], axis.image - axis.crop)
            assert axis.last[position] <= start + axis.crop
            assert 0 <= axis.place(position) < axis.crop_extent


@pytest.mark.parametrize("seed", range(20))
def test_no_smaller_crop_would_do(seed):
    for axis in chain(seed):
        smaller = axis.crop - axis.grid
        starts = axis.near // axis.grid * axis.grid
        assert smaller <= 0 or (axis.far > starts + smaller).any()


@pytest.mark.parametrize("seed", range(10))
def test_a_crop_gives_the_unit_that_the_whole_image_gives(seed):
    """Random chains, all units: the map of the crop at the moved position equals the map of the image."""
    rng = np.random.default_rng(100 + seed)
    windows = [random_window(rng) for _ in range(3)]

    def write(op, x):
        for window in windows:
            x = window(op, x)
        return op.Identity(x)

    check_crops(build((1, 33, 29), write))


def test_crops_are_aligned_where_a_map_is_finer_than_the_image():
    """Up by 2, down by 3: units lie 3/2 pixels apart."""

    def write(op, x):
        kernel = np.ones((1, 1, 3, 3))
        return op.Conv(op.ConvTranspose(x, kernel, strides=[2, 2], pads=[1] * 4), kernel, strides=[3, 3])

    check_crops(build((1, 33, 29), write))


def check_crops(model):
    """Every unit of a map equals the one at the moved position on the map of its crop."""
    (field,) = [f for value, f in receptive_fields(model.graph).items() if value.name == "y"]
    image = np.random.default_rng(0).random((1, 1, 33, 29), np.float32)
    whole, crops, free = run(model, image), {}, any_extent(model)
    for place in np.ndindex(*whole.shape[2:]):
        starts = tuple(a.crop_start(p) for a, p in zip(field, place, strict=True))
        if starts not in crops:
            extents = [a.crop for a in field]
            rows, columns = (slice(s, s + e) for s, e in zip(starts, extents, strict=True))
            (crops[starts],) = free.run({"image": np.ascontiguousarray(image[:, :, rows, columns])}).values()
        moved = [a.place(p) for a, p in zip(field, place, strict=True)]
        np.testing.assert_allclose(crops[starts][0, 0][tuple(moved)], whole[0, 0][place], rtol=1e-6)


def any_extent(model):
    part = cut(model, ["y"])
    free_extent(part.graph)
    return session(part)
