"""Every rule is the adjoint of its operator: <A'(t), v> = <t, A v>, exactly, with no stored answers.

A v is the slope of the operator at x along v, by central differences. They are exact for linear operators along any
v, and for pools and rectifiers (f(ax) = a f(x) for a > 0) along v = x, where no kink is crossed.
"""

import itertools
from functools import partial

import numpy as np
import pytest
from small import build, project, run

rng = np.random.default_rng(7)


def weights(*shape):
    return rng.normal(size=shape).astype(np.float32)


def conv_cases():
    for k, s, p, d, g in itertools.product([1, 2, 3], [1, 2, 3], [0, 1, 2], [1, 2], [1, 2]):
        yield (
            f"conv-k{k}s{s}p{p}d{d}g{g}",
            (4, 11, 9),
            lambda op, x, k=k, s=s, p=p, d=d, g=g: op.Conv(
                x,
                weights(6, 4 // g, k, k),
                weights(6),
                strides=[s, s],
                pads=[p, p, p, p],
                dilations=[d, d],
                group=g,
            ),
        )
    uneven = dict(strides=[2, 3], pads=[0, 1, 2, 0], dilations=[2, 1])
    yield "conv-uneven", (3, 12, 10), lambda op, x: op.Conv(x, weights(5, 3, 2, 4), **uneven)
    yield "conv-depthwise", (4, 8, 8), lambda op, x: op.Conv(x, weights(8, 1, 3, 3), pads=[1] * 4, group=4)
    for mode, s in itertools.product(["SAME_UPPER", "SAME_LOWER", "VALID"], [1, 2, 3]):
        yield (
            f"conv-{mode}-s{s}",
            (3, 10, 11),
            lambda op, x, mode=mode, s=s: op.Conv(x, weights(4, 3, 4, 3), auto_pad=mode, strides=[s, s]),
        )


def conv_transpose_cases():
    for k, s, p, o, g in [
        (2, 2, 0, 0, 1),
        (3, 2, 1, 1, 1),
        (4, 2, 1, 0, 2),
        (3, 1, 1, 0, 1),
        (5, 3, 2, 2, 2),
    ]:
        yield (
            f"convtranspose-k{k}s{s}p{p}o{o}g{g}",
            (4, 5, 6),
            lambda op, x, k=k, s=s, p=p, o=o, g=g: op.ConvTranspose(
                x,
                weights(4, 3, k, k),
                weights(3 * g),
                strides=[s, s],
                pads=[p] * 4,
                output_padding=[o, o],
                group=g,
            ),
        )
    yield (
        "convtranspose-same",
        (2, 5, 6),
        lambda op, x: op.ConvTranspose(x, weights(2, 3, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2]),
    )


def pool_cases():
    for k, s, p, d, ceil in itertools.product([2, 3], [1, 2, 3], [0, 1], [1, 2], [0, 1]):
        geometry = dict(kernel_shape=[k, k], strides=[s, s], pads=[p] * 4, dilations=[d, d], ceil_mode=ceil)
        name = f"k{k}s{s}p{p}d{d}c{ceil}"
        yield f"maxpool-{name}", (3, 12, 10), lambda op, x, g=geometry: op.MaxPool(x, **g)
        for count in [0, 1]:
            yield (
                f"averagepool-{name}i{count}",
                (3, 12, 10),
                lambda op, x, g=geometry, count=count: op.AveragePool(x, **g, count_include_pad=count),
            )
    yield (
        "maxpool-same",
        (2, 9, 8),
        lambda op, x: op.MaxPool(x, kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
    )
    yield "globalmaxpool", (3, 5, 4), lambda op, x: op.GlobalMaxPool(x)
    yield "globalaveragepool", (3, 5, 4), lambda op, x: op.GlobalAveragePool(x)
    yield "reducemean-space", (3, 5, 4), lambda op, x: op.ReduceMean(x, [2, 3])
    yield "reducemean-flat", (3, 5, 4), lambda op, x: op.ReduceMean(x, [-1, -2], keepdims=0)
    yield "reducemean-channels", (3, 5, 4), lambda op, x: op.ReduceMean(x, [1])


def rectifier_cases():
    yield "relu", (3, 5, 5), lambda op, x: op.Relu(x)
    yield "leakyrelu", (3, 5, 5), lambda op, x: op.LeakyRelu(x, alpha=0.3)
    yield "clip", (3, 5, 5), lambda op, x: op.Clip(x, 0.0, 100.0)
    yield "clip-below", (3, 5, 5), lambda op, x: op.Clip(x, 0.0)


def dense_cases():
    for transposed in [0, 1]:
        shape = (7, 12) if transposed else (12, 7)
        yield (
            f"gemm-{transposed}",
            (3, 2, 2),
            lambda op, x, t=transposed, shape=shape: op.Gemm(
                op.Flatten(x, axis=1), weights(*shape), weights(7), alpha=0.7, beta=2.0, transB=t
            ),
        )
    yield "matmul", (3, 2, 4), lambda op, x: op.MatMul(x, weights(4, 5))
    yield "matmul-left", (3, 2, 4), lambda op, x: op.MatMul(weights(5, 2), x)
    batchnorm = [weights(3), weights(3), weights(3), np.abs(weights(3)) + 0.1]
    yield "batchnorm", (3, 4, 4), lambda op, x: op.BatchNormalization(x, *batchnorm, epsilon=1e-3)


def join_cases():
    yield "add-constant", (3, 4, 4), lambda op, x: op.Add(x, weights(3, 1, 1))
    axes = {"axes": [-1, -2], "mode": "linear"}
    yield "resize-negative-axes", (3, 4, 4), lambda op, x: op.Resize(x, None, np.float32([2, 1.5]), **axes)
    yield "mean-of-terms", (3, 4, 4), lambda op, x: op.Mean(x, weights(3, 1, 1), op.ReduceMean(x, [2, 3]), x)
    yield "add-itself", (3, 4, 4), lambda op, x: op.Add(x, x)
    yield "add-broadcast", (3, 4, 4), lambda op, x: op.Add(x, op.ReduceMean(x, [2, 3]))
    yield "add-scalar-map", (3, 4, 4), lambda op, x: op.Add(op.ReduceMean(x, [1]), x)
    yield "sum-of-three", (3, 4, 4), lambda op, x: op.Sum(x, op.Mul(x, 2.0), x)
    yield "sub", (3, 4, 4), lambda op, x: op.Sub(op.Mul(x, 3.0), x)
    yield "sub-from-constant", (3, 4, 4), lambda op, x: op.Sub(1.0, x)
    yield "mul", (3, 4, 4), lambda op, x: op.Mul(weights(1, 3, 1, 1), x)
    yield "mul-grows", (1, 4, 4), lambda op, x: op.Mul(x, weights(1, 3, 1, 1))
    yield "div", (3, 4, 4), lambda op, x: op.Div(x, np.float32([[[2]], [[3]], [[4]]]))
    yield "concat", (3, 4, 4), lambda op, x: op.Concat(x, op.Mul(x, 2.0), op.Relu(op.Mul(x, 0.0)), axis=1)
    yield "concat-rows", (3, 4, 4), lambda op, x: op.Concat(x, op.Mul(x, 2.0), axis=2)
    yield "split", (5, 4, 4), lambda op, x: split_and_join(op, x)
    yield "split-partly-read", (6, 4, 4), lambda op, x: op.several("Split", 3, x, [1, 2, 3], axis=1)[1]


def split_and_join(op, x):
    a, b = op.several("Split", 2, x, [2, 3], axis=1)
    return op.Concat(b, op.Mul(a, 3.0), axis=1)


def reshape_cases():
    yield "flatten", (3, 4, 2), lambda op, x: op.Flatten(x, axis=1)
    yield "reshape", (4, 2, 3), lambda op, x: op.Reshape(x, [0, 2, 2, 6])
    yield "reshape-into-batch", (4, 2, 3), lambda op, x: op.Reshape(op.Reshape(x, [-1, 2, 2, 3]), [-1, 4, 6])
    yield "transpose", (3, 4, 2), lambda op, x: op.Transpose(x, perm=[0, 2, 3, 1])
    yield "squeeze", (3, 1, 1), lambda op, x: op.Squeeze(x, [2, 3])
    yield "unsqueeze", (3, 2, 2), lambda op, x: op.Unsqueeze(x, [1, 4])
    yield "slice", (5, 6, 7), lambda op, x: op.Slice(x, [1, 2], [4, -1], [1, 3])
    yield "slice-steps", (5, 6, 7), lambda op, x: op.Slice(x, [0, 1], [6, 7], [2, 3], [2, 3])
    yield "slice-backwards", (5, 6, 7), lambda op, x: op.Slice(x, [-1], [-(2**62)], [3], [-1])
    yield "pad", (3, 4, 5), lambda op, x: op.Pad(x, [0, 0, 1, 2, 0, 0, 0, 3], 0.5)
    yield "pad-some-axes", (3, 4, 5), lambda op, x: op.Pad(x, [1, 2], 0.0, [3])
    yield "pad-crops", (3, 4, 5), lambda op, x: op.Pad(x, [0, 0, -1, 2, 0, 0, 1, -1])
    yield "identity", (3, 4, 4), lambda op, x: op.Identity(x)
    yield "dropout", (3, 4, 4), lambda op, x: op.Dropout(x, 0.5, False)
    yield "pad-reflect", (3, 5, 4), lambda op, x: op.Pad(x, [0, 0, 2, 1, 0, 0, 3, 0], mode="reflect")
    yield "pad-edge-some-axes", (3, 5, 4), lambda op, x: op.Pad(x, [2, 3, 0, 1], None, [-1, 1], mode="edge")
    yield "pad-wrap", (3, 5, 4), lambda op, x: op.Pad(x, [0, 0, 2, 1, 0, 0, 0, 3], mode="wrap")
    yield "gather", (5, 4, 3), lambda op, x: op.Gather(x, [4, 0, 4, 1], axis=1)
    yield "gather-from-the-end", (5, 4, 3), lambda op, x: op.Gather(x, [-1, 2], axis=-1)
    yield "gather-one", (5, 4, 3), lambda op, x: op.Gather(x, 2, axis=2)
    yield "gather-windows", (5, 6, 3), lambda op, x: op.Gather(x, [[0, 1, 2], [2, 3, 5]], axis=2)
    yield "gather-nd", (5, 4, 3), gather_places
    yield "scatter-nd", (5, 4, 3), put_places
    yield "expand", (3, 1, 4), lambda op, x: op.Expand(x, [1, 3, 5, 1])
    yield "expand-rank", (1, 2, 3), lambda op, x: op.Reshape(op.Expand(op.Unsqueeze(x, [1]), [1, 2, 4, 1, 3]), [0, -1])
    yield "tile", (3, 2, 4), lambda op, x: op.Tile(x, [1, 2, 1, 3])
    yield "space-to-depth", (3, 4, 6), lambda op, x: op.SpaceToDepth(x, blocksize=2)
    yield "depth-to-space", (12, 2, 3), lambda op, x: op.DepthToSpace(x, blocksize=2)
    yield "depth-to-space-crd", (12, 2, 3), lambda op, x: op.DepthToSpace(x, blocksize=2, mode="CRD")
    for mode, padding, aligned in itertools.product(["linear", "nearest"], ["zeros", "border"], [0, 1]):
        sample = partial(sampled, mode=mode, padding_mode=padding, align_corners=aligned)
        yield f"grid-sample-{mode}-{padding}-{aligned}", (3, 4, 5), sample
        volume = partial(sampled_volume, mode=mode, padding_mode=padding, align_corners=aligned)
        yield f"grid-sample-volume-{mode}-{padding}-{aligned}", (3, 4, 5), volume
    yield "cast", (3, 4, 4), lambda op, x: op.Cast(op.Cast(x, to=11), to=1)


def gather_places(op, x):
    """As dynamo writes x[:, :, rows, columns]."""
    places = op.GatherND(op.Transpose(x, perm=[2, 3, 0, 1]), [[3, 1], [1, 2], [3, 1]])
    return op.Transpose(places, perm=[1, 2, 0])


def sampled(op, x, **how):
    """Values at places in and beyond the map, the same in all images."""
    grid = np.random.default_rng(5).uniform(-1.4, 1.4, (1, 6, 7, 2)).astype(np.float32)
    return op.GridSample(x, op.Expand(grid, op.Concat(op.Shape(x, end=1), [6, 7, 2], axis=0)), **how)


def sampled_volume(op, x, **how):
    """Values at places of a volume that the maps are the slices of."""
    volume = op.Unsqueeze(x, [1])
    grid = np.random.default_rng(6).uniform(-1.3, 1.3, (1, 2, 3, 4, 3)).astype(np.float32)
    places = op.Expand(grid, op.Concat(op.Shape(x, end=1), [2, 3, 4, 3], axis=0))
    return op.Squeeze(op.GridSample(volume, places, **how), [1])


def put_places(op, x):
    """As x[:, :, rows, columns] = y is written."""
    turned = op.Transpose(x, perm=[2, 3, 0, 1])
    put = op.ScatterND(turned, [[3, 1], [1, 2]], op.Mul(op.GatherND(turned, [[0, 0], [3, 1]]), 2.0))
    return op.Transpose(put, perm=[2, 3, 0, 1])


SCALES = [[1, 1, 2, 3], [1, 1, 1.5, 2.5], [1, 1, 0.65, 0.5], [1, 1, 1, 4]]


def resize_cases():
    coordinates = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"]
    for mode, where, scale in itertools.product(["nearest", "linear", "cubic"], coordinates, range(len(SCALES))):
        for rounding in ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"] if mode == "nearest" else [""]:
            says = dict(
                mode=mode, coordinate_transformation_mode=where, **({"nearest_mode": rounding} if rounding else {})
            )
            scales = np.float32(SCALES[scale])
            yield (
                f"resize-{mode}-{where}-{rounding}-{scale}",
                (2, 5, 6),
                lambda op, x, says=says, scales=scales: op.Resize(x, None, scales, **says),
            )
    yield "resize-to-sizes", (2, 5, 6), lambda op, x: op.Resize(x, None, None, [8, 9], axes=[2, 3], mode="linear")
    yield (
        "resize-cubic-inside",
        (2, 5, 6),
        lambda op, x: op.Resize(x, None, np.float32([1, 1, 2, 2]), mode="cubic", exclude_outside=1, cubic_coeff_a=-0.5),
    )


def reduction_cases():
    yield "reducesum", (3, 5, 4), lambda op, x: op.ReduceSum(x, [2, 3])
    yield "reducesum-flat", (3, 5, 4), lambda op, x: op.ReduceSum(x, [-2], keepdims=0)


def product_cases():
    yield "einsum", (3, 5, 4), lambda op, x: op.Einsum(x, weights(3, 6), equation="nchw,ck->nhwk")
    yield "einsum-implicit", (3, 5, 4), lambda op, x: op.Einsum(x, weights(4, 6), equation="...w,wv")
    yield "einsum-dots", (3, 5, 4), lambda op, x: op.Einsum(x, weights(3, 5, 4), equation="n...w,...w->n...")
    yield "einsum-stretched", (1, 5, 4), lambda op, x: op.Einsum(x, weights(3, 4), equation="nchw,cw->nchw")
    yield "einsum-stretches", (3, 5, 4), lambda op, x: op.Einsum(x, weights(1, 4), equation="nchw,cw->nhw")
    yield "einsum-sums", (3, 5, 4), lambda op, x: op.Einsum(x, weights(3), equation="nchw,c->nw")
    yield "matmul-stacks", (3, 2, 4), lambda op, x: op.MatMul(x, weights(3, 4, 5))
    yield "matmul-stretched", (1, 2, 4), lambda op, x: op.MatMul(x, weights(3, 4, 5))
    yield "neg", (3, 4, 4), lambda op, x: op.Neg(x)
    yield "where", (3, 4, 4), lambda op, x: op.Where(weights(3, 4, 4) > 0, op.Mul(x, 2.0), x)
    yield "where-stretched", (3, 1, 4), lambda op, x: op.Where(weights(3, 4, 4) > 0, x, 1.0)


def extreme_cases():
    yield "reducemax", (3, 5, 4), lambda op, x: op.ReduceMax(x, [2, 3])
    yield "reducemin-flat", (3, 5, 4), lambda op, x: op.ReduceMin(x, [1], keepdims=0)
    yield "reducel1", (3, 5, 4), lambda op, x: op.ReduceL1(x, [1])
    yield "reducel2", (3, 5, 4), lambda op, x: op.ReduceL2(x, [2, 3], keepdims=0)
    yield "max", (3, 4, 4), lambda op, x: op.Max(x, op.Mul(x, -0.5), op.ReduceMean(x, [2, 3]))
    yield "min", (3, 4, 4), lambda op, x: op.Min(x, op.Mul(x, -0.5))
    yield (
        "gather-elements",
        (3, 4, 4),
        lambda op, x: op.GatherElements(op.Concat(x, x, axis=3), op.ArgMax(op.Concat(x, x, axis=3), axis=2), axis=2),
    )
    yield "topk", (3, 4, 4), lambda op, x: op.several("TopK", 2, x, [2], axis=2)[0]
    yield "abs", (3, 4, 4), lambda op, x: op.Abs(x)
    yield "prelu", (3, 4, 4), lambda op, x: op.PRelu(x, weights(3, 1, 1))


LINEAR = [
    *resize_cases(),
    *reduction_cases(),
    *product_cases(),
    *conv_cases(),
    *conv_transpose_cases(),
    *dense_cases(),
    *join_cases(),
    *reshape_cases(),
]
LINEAR += [case for case in pool_cases() if "max" not in case[0]]
HOMOGENEOUS = [*extreme_cases(), *rectifier_cases(), *(case for case in pool_cases() if "max" in case[0])]


def slope(model, x, v, h):
    return (run(model, x + h * v).astype(np.float64) - run(model, x - h * v)) / (2 * h)


def check_adjoint(model, x, v, h, **policy):
    along = slope(model, x, v, h)
    t = np.random.default_rng(1).normal(size=along.shape)
    down = project(model, x, t, **policy)
    scale = np.abs(t * along).sum() + 1e-6
    assert np.vdot(down.astype(np.float64), v) == pytest.approx(np.vdot(t, along), abs=2e-5 * scale)


@pytest.mark.parametrize(("shape", "write"), [c[1:] for c in LINEAR], ids=[c[0] for c in LINEAR])
def test_the_rule_of_a_linear_operator_is_its_adjoint(shape, write, rng):
    x, v = rng.normal(size=(2, 2, *shape))
    check_adjoint(build(shape, write), x, v, 1.0, method="gradient")


@pytest.mark.parametrize(("shape", "write"), [c[1:] for c in HOMOGENEOUS], ids=[c[0] for c in HOMOGENEOUS])
def test_the_rule_of_a_homogeneous_operator_is_its_adjoint_at_the_input(shape, write, rng):
    x = rng.normal(size=(2, *shape))
    check_adjoint(build(shape, write), x, x, 0.5, method="gradient")


@pytest.mark.parametrize(("shape", "write"), [c[1:] for c in LINEAR], ids=[c[0] for c in LINEAR])
@pytest.mark.parametrize("method", ["deconvnet", "guided_backprop"])
def test_linear_operators_come_down_alike_under_every_method(shape, write, method, rng):
    model, x = build(shape, write), rng.normal(size=(1, *shape))
    t = rng.normal(size=run(model, x).shape)
    np.testing.assert_array_equal(project(model, x, t, method=method), project(model, x, t, method="gradient"))
