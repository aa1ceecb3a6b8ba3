"""Axes: what each means behind whatever exporters do to them."""

import numpy as np
import pytest
from small import build, run

from inspectnet.graph.axes import axes_of, regrouped
from inspectnet.graph.layers import find_layers
from inspectnet.graph.subgraphs import cut
from inspectnet.graph.unlisted import unlisted_above
from inspectnet.graph.values import shape_of


def letters(write, batch="N"):
    """The axes of the last value of a graph on an image (N, 6, 4, 8)."""
    model = build((6, 4, 8), write, batch=batch)
    return next(axes for value, axes in axes_of(model.graph).items() if value.name == "y")


def last(op, x):
    return op.Transpose(x, perm=[0, 2, 3, 1])


def tokens(op, x):
    return op.Transpose(op.Reshape(x, [0, 6, -1]), perm=[0, 2, 1])


def windows(op, x):
    """Swin's: squares of 2 x 2 places, all images and squares on one axis."""
    x = op.Transpose(op.Reshape(last(op, x), [-1, 2, 2, 4, 2, 6]), perm=[0, 1, 3, 2, 4, 5])
    return op.Reshape(x, [-1, 4, 6])


def neighbours(op, x):
    """Swin's merging of patches: squares of 2 x 2 places become channels."""
    x = op.Transpose(op.Reshape(last(op, x), [0, 2, 2, 4, 2, 6]), perm=[0, 1, 3, 4, 2, 5])
    return op.Reshape(x, [0, 2, 4, 24])


def queries(op, x):
    """Taken from what is made of tokens along with keys and values, each of two heads."""
    packed = op.MatMul(tokens(op, x), np.ones((6, 12)))
    packed = op.Transpose(op.Reshape(packed, [0, 0, 3, 2, 2]), perm=[2, 0, 3, 1, 4])
    return op.Squeeze(op.Slice(packed, [0], [1], [0]), [0])


def one_window(op, x):
    """MaxViT's last stage: the grid is as large as the map, so each of its windows is one place."""
    x = op.Transpose(op.Reshape(x, [0, 6, 4, 1, 8, 1]), perm=[0, 2, 4, 3, 5, 1])
    return op.Reshape(x, [-1, 32, 1, 6])


def group_norm(op, x):
    """As both exporters write it, opset 20 and below."""
    norm = op.InstanceNormalization(op.Reshape(x, [0, 2, -1]), np.ones(2), np.ones(2))
    return op.Reshape(norm, [0, 6, 4, 8])


WRITTEN = {
    "as it was": (lambda op, x: op.Relu(x), "NCHW"),
    "channels last": (last, "NHWC"),
    "channels first again": (lambda op, x: op.Transpose(last(op, x), perm=[0, 3, 1, 2]), "NCHW"),
    "a matrix on the last axis": (lambda op, x: op.MatMul(last(op, x), np.ones((6, 5))), "NHWC"),
    "a constant added": (lambda op, x: op.Add(np.ones(6), last(op, x)), "NHWC"),
    "joined": (lambda op, x: op.Concat(last(op, x), last(op, x), axis=-1), "NHWC"),
    "flat": (lambda op, x: op.Flatten(x), "NC"),
    "mean": (lambda op, x: op.ReduceMean(x, [2, 3], keepdims=0), "NC"),
    "mean, kept": (lambda op, x: op.ReduceMean(x, [2, 3], keepdims=1), "NCHW"),
    "mean over channels": (lambda op, x: op.ReduceMean(x, [1], keepdims=0), "NHW"),
    "squeezed": (lambda op, x: op.Squeeze(op.GlobalAveragePool(x), [2, 3]), "NC"),
    "unsqueezed": (lambda op, x: op.Unsqueeze(op.Flatten(x), [2, 3]), "NCHW"),
    "an axis put before the channels": (lambda op, x: op.Unsqueeze(op.ReduceMean(x, [1], keepdims=0), [1]), "NCHW"),
    "tokens": (tokens, "NTC"),
    "one token": (lambda op, x: op.Gather(tokens(op, x), 0, axis=1), "NC"),
    "the mean token": (lambda op, x: op.ReduceMean(tokens(op, x), [1], keepdims=0), "NC"),
    "tokens as a map": (lambda op, x: op.Reshape(tokens(op, x), [0, 4, 8, 6]), "NHWC"),
    "heads": (lambda op, x: op.Transpose(op.Reshape(tokens(op, x), [0, 0, 2, 3]), perm=[0, 2, 1, 3]), "NCTC"),
    "scores of attention": (lambda op, x: op.MatMul(tokens(op, x), op.Reshape(x, [0, 6, -1])), "NTT"),
    "groups": (lambda op, x: op.Reshape(x, [0, 2, 3, 4, 8]), "NCCHW"),
    "groups joined": (lambda op, x: op.Reshape(op.Reshape(x, [0, 2, 3, 4, 8]), [0, 6, 4, 8]), "NCHW"),
    "rows and columns exchanged": (lambda op, x: op.Transpose(x, perm=[0, 1, 3, 2]), "NCWH"),
    "windows": (windows, "?TC"),
    "neighbours joined": (neighbours, "NHWC"),
    "windows of one place": (one_window, "NT?C"),
    "all mixed": (lambda op, x: op.Reshape(x, [0, 8, 6, 4]), "N???"),
    "windows added to what they are of": (
        lambda op, x: op.Add(op.Reshape(windows(op, x), [-1, 4, 8, 6]), last(op, x)),
        "NHWC",
    ),
    "a group norm": (group_norm, "NCHW"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_each_axis_is_known_for_what_it_is(name):
    write, wanted = WRITTEN[name]
    assert letters(write) == wanted


@pytest.mark.parametrize("batch", [1, "N"])
def test_an_axis_that_is_taken_away_is_not_mistaken_for_a_batch_of_one(batch):
    assert letters(queries, batch) == "NCTC"


@pytest.mark.parametrize(
    ("axes", "below", "above", "wanted"),
    [
        ("NCHW", ("N", 6, 4, 8), ("N", 6, 32), "NCT"),
        ("NCHW", ("N", 6, 4, 8), ("N", 192), "NC"),
        ("NCHW", (1, 6, 4, 8), (1, 2, 3, 4, 8), "NCCHW"),
        ("NCHW", ("N", 6, 4, 8), ("N", 8, 4, 6), "N???"),
        ("NCHW", ("N", 6, 8, 8), ("N", 6, 8, 8), "NCHW"),
        ("NCHW", ("N", 4, 8, 8), ("N", 8, 8, 4), "N???"),
        ("NHWC", ("N", 4, 8, 6), ("N", 2, 2, 8, 6), "NHHWC"),
        ("NHWC", ("N", 4, 8, 6), ("N", 32, 6), "NTC"),
        ("NTC", ("N", 32, 6), ("N", 4, 8, 6), "NHWC"),
        ("NTC", ("N", 32, 6), ("N", 192), "NC"),
        ("NC", ("N", 6), ("N", 6, 1, 1), "NC??"),
        ("NCHW", ("N", 6, 1, 1), ("N", 6), "NC"),
        ("NTC", ("N", 32, 6), ("m", 6), "?C"),
    ],
)
def test_a_reshape_keeps_what_stays_whole(axes, below, above, wanted):
    assert regrouped(axes, below, above) == wanted


def test_an_image_taken_out_of_its_batch_and_put_back_keeps_its_axes():
    """As torchvision's detectors do."""
    model = build((3, 9, 9), lambda op, x: op.Unsqueeze(op.Gather(op.Relu(x), 0, axis=0), [0]), batch=1)
    axes = axes_of(model.graph)
    assert [axes[node.outputs[0]] for node in model.graph] == ["NCHW", "CHW", "NCHW"]


def grid_rows(op, x):
    """All places of all images as the rows of a matrix, those of MaxViT's grid side by side."""
    apart = op.Transpose(op.Reshape(x, [0, 6, 2, 2, 4, 2]), perm=[0, 3, 5, 2, 4, 1])
    return op.Reshape(apart, [-1, 6])


@pytest.mark.parametrize("rows", [grid_rows, lambda op, x: op.Reshape(last(op, x), [-1, 6])])
@pytest.mark.parametrize("batch", [2, "N"])
def test_a_layer_of_rows_is_shown_as_maps_with_each_place_where_it_was(rows, batch):
    rng = np.random.default_rng(0)
    weights, x = rng.normal(size=(6, 5)).astype(np.float32), rng.normal(size=(2, 6, 4, 8)).astype(np.float32)
    model = build((6, 4, 8), lambda op, image: op.Gemm(rows(op, image), weights), batch=batch)
    (layer,) = find_layers(model.graph)
    assert layer.shape[1:] == (5, 4, 8)
    np.testing.assert_allclose(run(cut(model, [layer.output]), x), np.einsum("nchw,ck->nkhw", x, weights), atol=1e-5)


def test_what_holds_places_twice_is_no_map():
    """How much each place of a window attends to each other one."""

    def write(op, x):
        tokens = windows(op, x)
        heads = op.Transpose(op.Reshape(tokens, [-1, 4, 2, 3]), perm=[0, 2, 1, 3])
        return op.Softmax(op.MatMul(heads, op.Transpose(heads, perm=[0, 1, 3, 2])))

    assert find_layers(build((6, 4, 8), write).graph) == []


def test_images_joined_with_their_mirror_images_are_no_batch():
    """Row i is not of image i: the layer would give other photos' maps."""

    def write(op, x):
        both = op.Concat(x, op.Slice(x, [7], [-9], [3], [-1]), axis=0)
        return op.Conv(both, np.ones((4, 3, 1, 1), np.float32))

    graph = build((3, 8, 8), write).graph
    assert shape_of(graph.outputs[0]) == ("2*N", 4, 8, 8)
    assert find_layers(graph) == []
    assert unlisted_above(graph, []) == f"Concat (output '{graph.node(-2).outputs[0].name}')"
