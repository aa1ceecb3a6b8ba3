"""Extents that a graph computes: the layers above them are listed, for any number of images."""

import numpy as np
import pytest
from small import build, project, project_split, run

from inspectnet.graph.extents import images_in
from inspectnet.graph.layers import find_layers
from inspectnet.graph.unlisted import unlisted_above
from inspectnet.graph.values import shape_of

rng = np.random.default_rng(1)


def weights(*shape):
    return rng.normal(size=shape).astype(np.float32)


def classes(op, maps, target):
    return op.MatMul(op.Reshape(maps, target), weights(4 * 6 * 6, 5))


def maps_of(op, x):
    return op.Relu(op.Conv(x, weights(4, 3, 3, 3)))


def divided(op, r):
    """The features as all numbers by the images, in floats, as old exporters write `x.numel() / x.size(0)`."""
    images = op.Gather(op.Shape(r), np.int64(0), axis=0)
    quotient = op.Div(op.Cast(op.Size(r), to=1), op.Cast(images, to=1))
    return op.Concat(op.Unsqueeze(images, [0]), op.Unsqueeze(op.Cast(op.Floor(quotient), to=7), [0]), axis=0)


def multiplied(op, r):
    extents = [op.Gather(op.Shape(r), np.int64(i), axis=0) for i in range(4)]
    features = op.Mul(op.Mul(extents[1], extents[2]), extents[3])
    return op.Concat(op.Unsqueeze(extents[0], [0]), op.Unsqueeze(features, [0]), axis=0)


def chosen(op, r):
    """Where(extent == -1, ones, extent), as Expand is exported."""
    target = op.Concat(op.Shape(r, start=0, end=1), [-1], axis=0)
    return op.Where(op.Equal(target, np.array([-2, -2])), np.array([1, 1]), target)


TARGETS = {
    "size and the rest": lambda op, r: op.Concat(op.Slice(op.Shape(r), [0], [1]), [-1], axis=0),
    "divided": divided,
    "multiplied": multiplied,
    "chosen": chosen,
    "split": lambda op, r: op.Concat(op.several("Split", 2, op.Shape(r), [1, 3], axis=0)[0], [-1], axis=0),
    "added": lambda op, r: op.Concat(op.Shape(r, end=1), op.Add(op.Mul(op.Shape(r, start=3), [24]), [0]), axis=0),
}


@pytest.mark.parametrize("batch", ["N", 1, 3])
@pytest.mark.parametrize("name", TARGETS)
def test_layers_above_extents_that_are_computed_are_listed_and_inverted(name, batch):
    model = build((3, 8, 8), lambda op, x: classes(op, r := maps_of(op, x), TARGETS[name](op, r)), batch=batch)
    layers = find_layers(model.graph)
    assert [(layer.name, layer.shape) for layer in layers] == [("conv1", ("N", 4, 6, 6)), ("fc2", ("N", 5))]
    x = rng.normal(size=(2, 3, 8, 8)).astype(np.float32)
    seed = rng.normal(size=(2, 5)).astype(np.float32)
    # without biases, and what is not rectified held, the network is the adjoint of its gradient
    assert np.vdot(run(model, x), seed) == pytest.approx(
        np.vdot(project(model, x, seed, method="gradient"), x), rel=1e-4
    )
    parts = project_split(model, x, seed[:1], [1], method="gradient")
    np.testing.assert_allclose(parts, project(model, x[1:], seed[:1], method="gradient"), rtol=1e-4, atol=1e-6)


def test_what_holds_several_images_in_one_axis_says_how_often():
    model = build((3, 8, 8), lambda op, x: op.Reshape(op.Transpose(x, perm=[0, 2, 3, 1]), [-1, 3]))
    assert shape_of(model.graph.outputs[0]) == ("64*N", 3)
    assert [images_in(n) for n in ("N", "64*N", 7, None, "unk__1", "x*N")] == [1, 64, 0, None, None, None]


def test_an_extent_that_grows_with_the_batch_in_another_way_is_left_unknown_and_said():
    """Images are taken by halves: no number of images tells what comes out for others."""

    def write(op, x):
        half = op.Div(op.Shape(x, end=1), [2])
        first = op.Slice(maps_of(op, x), [0], half, [0])
        return op.Conv(first, weights(2, 4, 1, 1))

    graph = build((3, 8, 8), write).graph
    assert shape_of(graph.outputs[0])[1:] == (2, 6, 6)


def test_windows_of_places_are_not_listed_and_that_is_said():
    def write(op, x):
        rows = op.Reshape(op.Transpose(x, perm=[0, 2, 3, 1]), [-1, 2, 4, 2, 4, 3])
        rows = op.Reshape(op.Transpose(rows, perm=[0, 1, 3, 2, 4, 5]), [-1, 16, 3])
        return op.MatMul(op.Relu(op.MatMul(rows, weights(3, 4))), weights(4, 4))

    graph = build((3, 8, 8), write).graph
    layers = find_layers(graph)
    assert layers == []
    assert unlisted_above(graph, layers) == "Reshape (output 'n/Reshape_4')"


@pytest.mark.parametrize("allowzero", [0, 1])
@pytest.mark.parametrize("target", [[3, 144], [3, -1], [-1, 144]])
def test_a_batch_that_is_spelled_out_is_freed_however_it_is_written(target, allowzero):
    """As dynamo writes a view: with allowzero."""
    model = build((3, 8, 8), lambda op, x: op.Reshape(maps_of(op, x), target, allowzero=allowzero), batch=3)
    assert shape_of(model.graph.outputs[0]) == ("N", 144)


def test_windows_of_a_fixed_batch_are_freed():
    def write(op, x):
        rows = op.Reshape(op.Transpose(x, perm=[0, 2, 3, 1]), [1, 2, 4, 2, 4, 3])
        rows = op.Reshape(op.Transpose(rows, perm=[0, 1, 3, 2, 4, 5]), [-1, 16, 3])
        back = op.Transpose(op.Reshape(op.Relu(rows), [1, 2, 2, 4, 4, 3]), perm=[0, 1, 3, 2, 4, 5])
        return op.Transpose(op.Reshape(back, [1, 8, 8, 3]), perm=[0, 3, 1, 2])

    model = build((3, 8, 8), write, batch=1)
    x = rng.normal(size=(2, 3, 8, 8)).astype(np.float32)
    np.testing.assert_array_equal(run(model, x), np.maximum(x, 0))


def recurrent(op, x, state=()):
    """The last state (directions, N, C) of a GRU along the columns, its other output left out, and a layer above."""
    columns = op.Transpose(op.ReduceMean(x, [2], keepdims=0), perm=[2, 0, 1])
    given = (columns, weights(1, 12, 3), weights(1, 12, 4), *((None, None, *state) if state else ()))
    all_of_them, last = op.several("GRU", 2, *given, hidden_size=4)
    all_of_them.name = ""
    return op.Gemm(op.Squeeze(last, [0]), weights(4, 5))


@pytest.mark.parametrize("batch", ["N", 3])
def test_layers_above_an_operator_that_leaves_its_first_output_out_are_listed(batch):
    graph = build((3, 8, 8), recurrent, batch=batch).graph
    layers = find_layers(graph)
    assert [(layer.ops, layer.shape) for layer in layers][-1] == (("Gemm",), ("N", 5))
    assert unlisted_above(graph, layers) is None


def test_a_batch_that_a_recurrent_network_starts_from_is_not_freed():
    """torch writes the first states out for as many images as it exports."""
    state = (np.zeros((1, 3, 4), np.float32),)
    model = build((3, 8, 8), lambda op, x: recurrent(op, x, state), batch=3)
    assert shape_of(model.graph.inputs[0]) == (3, 3, 8, 8)
    assert run(model, np.ones((3, 3, 8, 8))).shape == (3, 5)


def test_heads_beside_the_images_leave_the_batch_free():
    """As torch's MultiheadAttention has them: (T, 2 N, C / 2), of which no axis is the images alone."""

    def write(op, x):
        tokens = op.Transpose(op.Reshape(x, [0, 4, -1]), perm=[2, 0, 1])
        count = op.Mul(op.Shape(tokens, start=1, end=2), [2])
        heads = op.Relu(op.Reshape(tokens, op.Concat([16], count, [2], axis=0)))
        return op.MatMul(op.Reshape(heads, [16, -1, 4]), weights(4, 5))

    model = build((4, 4, 4), write)
    assert shape_of(model.graph.inputs[0]) == ("N", 4, 4, 4)
    assert run(model, np.ones((3, 4, 4, 4))).shape == (16, 3, 5)
