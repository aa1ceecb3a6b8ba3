"""The incremental engine: what it gives is what the whole network gives, whatever operators and places there are."""

from pathlib import Path

import numpy as np
import pytest
import wild_occlusion
from nets import onnx_text

import inspectnet
from inspectnet.analyses.hidden_places import Hiding
from inspectnet.images.hiding import Shapes, hidden_images
from inspectnet.images.occluder import slide
from inspectnet.incremental import Incremental, estimate
from inspectnet.incremental.cut import make_cut
from inspectnet.incremental.geometry import Geometry
from inspectnet.incremental.reach import Reach


def in_windows(network, places, outputs, size=5):
    """The engine that computes in windows all that can be, and the share of operators that is."""
    cut = make_cut(Geometry(network.model), [network.value(name) for name in outputs], lambda number: True)
    return Incremental(network, places, cut, size), len(cut.windowed) / len(cut.needed)


def largest_difference(network, places, outputs, rng):
    """From the whole network, of any output in parts of its largest value; and the share of operators in windows."""
    x, cover = rng.random((2, *network.input_shape), np.float32)
    engine, share = in_windows(network, places, outputs)
    count, worst, seen = len(places.boxes), 0.0, np.zeros(len(places.boxes), int)
    images = hidden_images(x, cover, places, np.arange(count))
    wanted = network.values(images, outputs)
    for numbers, answers in engine.answers(x, cover, {}):
        seen[numbers] += 1
        for name in outputs:
            apart = np.abs(answers[name] - wanted[name][numbers]).max()
            worst = max(worst, apart / np.abs(wanted[name]).max())
    assert (seen == 1).all()
    return worst, share


@pytest.fixture(scope="module")
def zfnet_tiny():
    return inspectnet.open(Path(__file__).parents[2] / "models" / "zfnet-tiny.onnx", device="cpu", threads=1)


def text(tmp_path, body, weights, shape=(3, 23, 26)):
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_text(body, weights, image=("N", *shape)).SerializeToString())
    return inspectnet.open(path, device="cpu", threads=1)


BODIES = {
    "depthwise": "a = Conv <group = 3, pads = [1, 1, 1, 1]> (image, d)",
    "dilated, asymmetric": "a = Conv <dilations = [2, 3], pads = [0, 3, 2, 1], strides = [1, 2]> (image, k)",
    "groups": "e = Conv (image, p)\na = Conv <group = 3, pads = [2, 2, 2, 2]> (e, g)",
    "transposed": "a = ConvTranspose <strides = [2, 3], pads = [1, 0, 0, 2], output_padding = [1, 0]> (image, t)",
    "transposed groups": "e = Conv (image, p)\n"
    "a = ConvTranspose <group = 3, strides = [2, 2], dilations = [2, 1]> (e, h)",
    "largest": "a = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1], ceil_mode = 1> (image)",
    "mean": "a = AveragePool <kernel_shape = [3, 2], strides = [2, 1], pads = [1, 0, 1, 1]> (image)",
    "mean of padding": "a = AveragePool <kernel_shape = [3, 3], pads = [1, 1, 1, 1], count_include_pad = 1> (image)",
    "mean of less": "a = AveragePool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1> (image)",
    "norm over maps": "a = LRN <size = 3, alpha = 0.5> (image)",
    "softmax over maps": "a = Softmax <axis = 1> (image)",
    "branches": "e = Conv <pads = [1, 1, 1, 1]> (image, k)\n"
    "f = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (image)\n"
    "a = Concat <axis = 1> (e, f, image)",
    "a way past": "e = Conv <pads = [1, 1, 1, 1]> (image, k)\ne2 = Relu (e)\na = Add (e2, image)",
    "scaled by a map": "e = Conv <pads = [1, 1, 1, 1]> (image, k)\ne2 = Sigmoid (e)\na = Mul (image, e2)",
    "channels last": "e = Transpose <perm = [0, 2, 3, 1]> (image)\nf = MatMul (e, m)\n"
    "u = Conv <pads = [1, 1, 1, 1]> (image, k)\nv = Transpose <perm = [0, 2, 3, 1]> (u)\nw = Add (f, v)\n"
    "a = Transpose <perm = [0, 3, 1, 2]> (w)",
    "shuffled": "e = Conv (image, p)\nf = Reshape (e, r5)\n"
    "u = Transpose <perm = [0, 2, 1, 3, 4]> (f)\na = Reshape (u, r4)",
    "blocks": "e = Conv (image, w4)\nf = DepthToSpace <blocksize = 2> (e)\nu = Conv <pads = [1, 1, 1, 1]> (f, k)\n"
    "a = SpaceToDepth <blocksize = 2> (u)",
    "nearest": 'a = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> '
    "(image, , s)",
    "padded": "a = Pad (image, pads)",
}  # fmt: skip


@pytest.fixture
def weights(rng):
    shapes = {"k": (3, 3, 3, 3), "d": (3, 1, 3, 3), "p": (6, 3, 1, 1), "g": (6, 2, 3, 3), "t": (3, 3, 3, 4),
              "w4": (12, 3, 1, 1), "h": (6, 2, 2, 3), "m": (3, 3)}  # fmt: skip
    numbers = {"r5": [0, 2, 3, 23, 26], "r4": [-1, 6, 23, 26], "pads": [0, 0, 1, 2, 0, 0, 0, 3]}
    random = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    ints = {name: np.array(n, np.int64) for name, n in numbers.items()}
    return random | ints | {"s": np.array([1, 1, 2, 3], np.float32)}


@pytest.mark.parametrize("kind", BODIES)
def test_every_kind_of_operator_gives_in_windows_what_it_gives_whole(kind, weights, tmp_path, rng):
    ends = "r = Relu (a)\ny = MaxPool <kernel_shape = [2, 2]> (r)"
    network = text(tmp_path, f"{BODIES[kind]}\n{ends}", weights)
    worst, share = largest_difference(network, slide((23, 26), 5, 6), ["a", "y"], rng)
    assert worst < 1e-6 and share == 1


WHOLE = {
    "gate": "u = GlobalAveragePool (e)\nv = Sigmoid (u)\na = Mul (e, v)",
    "norm of all places": "a = InstanceNormalization (e, one, zero)",
    "softmax over places": "a = Softmax <axis = 3> (e)",
    "a mean image": "a = Sub (e, image_mean)",
    "rows joined": "a = Concat <axis = 2> (e, e)",
}


@pytest.mark.parametrize("kind", WHOLE)
def test_where_all_places_meet_the_rest_is_computed_whole(kind, weights, tmp_path, rng):
    weights |= {"one": np.ones(3), "zero": np.zeros(3), "image_mean": rng.normal(size=(1, 3, 23, 26))}
    weights = {
        name: array.astype(np.float32) if array.dtype == np.float64 else array for name, array in weights.items()
    }
    body = f"e = Conv <pads = [1, 1, 1, 1]> (image, k)\n{WHOLE[kind]}\ny = Conv (a, k)"
    network = text(tmp_path, body, weights)
    worst, share = largest_difference(network, slide((23, 26), 5, 6), ["e", "y"], rng)
    assert worst < 1e-6 and 0 < share < 1


@pytest.mark.parametrize("seed", range(16))
def test_a_generated_network_gives_in_windows_what_it_gives_whole(seed, tmp_path):
    assert 0 <= wild_occlusion.check(seed, tmp_path) <= 1


def test_most_operators_of_generated_networks_are_computed_in_windows(tmp_path):
    assert np.mean([wild_occlusion.check(seed, tmp_path) for seed in range(100, 110)]) > 0.5


@pytest.mark.parametrize("lost", ["first", "last"])
def test_a_window_that_is_smaller_by_one_place_is_caught(lost, tmp_path, monkeypatch):
    touched = Reach.touched

    def short(self, low, high, below, above):
        begin, end = touched(self, low, high, below, above)
        if self == Reach():
            return begin, end
        return (begin + 1, end) if lost == "first" else (begin, end - 1)

    monkeypatch.setattr(Reach, "touched", short)
    caught = 0
    for seed in range(8):
        try:
            wild_occlusion.check(seed, tmp_path)
        except AssertionError:
            caught += 1
    assert caught >= 6


def test_zfnet_tiny_answers_to_the_last_bit_as_whole(zfnet_tiny, rng):
    network = zfnet_tiny
    grid, name = slide(network.input_shape[1:], 16, 8), network.class_scores().logits
    conv5 = network.layer("conv5").output
    assert largest_difference(network, grid, [name, conv5], rng)[0] == 0.0


def test_the_engine_is_chosen_by_what_it_saves_and_says_where_it_ends(zfnet_tiny):
    outputs = [zfnet_tiny.class_scores().logits]
    small, large = (slide(zfnet_tiny.input_shape[1:], patch, 8) for patch in (4, 48))
    expected = estimate(zfnet_tiny, small, outputs)
    assert expected.limit > 2 and expected.gain > 1.1
    chosen = Hiding(zfnet_tiny, small, outputs).computed
    assert (chosen.engine, chosen.whole_from) == ("incremental", "conv4")
    assert Hiding(zfnet_tiny, small, outputs, "whole").computed.engine == "whole"
    refused = Hiding(zfnet_tiny, large, outputs).computed
    assert refused.engine == "whole" and "times as long" in refused.why


def test_memory_does_not_grow_with_the_places_in_a_run(zfnet_tiny, monkeypatch):
    from inspectnet.incremental import engine as module

    places = Shapes(np.eye(56 * 56, dtype=bool)[:300].reshape(-1, 56, 56))
    outputs = [zfnet_tiny.class_scores().logits]
    many, _ = in_windows(zfnet_tiny, places, outputs, None)
    assert max(len(batch.places) for batch in many._batches) == module.MOST
    monkeypatch.setattr(module, "NUMBERS", 1 << 15)
    monkeypatch.setattr(module, "KEPT", 1 << 14)
    few, _ = in_windows(zfnet_tiny, places, outputs, None)
    assert max(len(batch.places) for batch in few._batches) < 8
    for batch in few._batches:
        few._feeds(batch)
    assert few._kept <= 1 << 14 and few._batches[-1].feeds is None
