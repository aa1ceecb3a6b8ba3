"""verify: right rules pass at kinks and in saturation; each fault that is planted into a rule or a form is caught."""

import numpy as np
import onnx_ir as ir
import pytest
from small import build

import inspectnet
from inspectnet.analyses import verification
from inspectnet.analyses.verification import check_all
from inspectnet.geometry import Maxima
from inspectnet.graph.builder import Op
from inspectnet.inverse import operators, projection, split, walk
from inspectnet.network import Network
from inspectnet.rules import Policy, registry
from inspectnet.rules.registry import HELD

rng = np.random.default_rng(3)


def weights(*shape):
    return rng.normal(size=shape).astype(np.float32)


K1, K2, K3, B1, B2, B3 = weights(6, 3, 3, 3), weights(6, 6, 3, 2), weights(6, 6, 3, 3), *(weights(6) for _ in range(3))
FC = weights(6, 4)
IMAGES = weights(2, 3, 33, 29)


def network(op, x):
    """A stem, a pool with shared switches, a fork that is scaled, gated, normalised and joined, and a head."""
    a = op.LeakyRelu(op.Conv(x, K1, B1, strides=[2, 2], pads=[1, 1, 1, 1]), alpha=0.1)
    b = op.MaxPool(a, kernel_shape=[3, 3], strides=[2, 2])
    c = op.Swish(op.Conv(b, K2, B2, pads=[1, 1, 1, 0]))
    gate = op.Sigmoid(op.Mul(op.GlobalAveragePool(c), 0.5))
    d = op.Sub(op.Mul(c, gate), op.Relu(op.Conv(b, K3, B3, pads=[1] * 4)))
    one, two = op.several("Split", 2, d, [2, 4], axis=1)
    e = op.Concat(two, op.AveragePool(one, kernel_shape=[3, 3], pads=[1] * 4), axis=1)
    e = op.Div(e, op.Add(op.Sqrt(op.ReduceMean(op.Mul(e, e), [1])), 1.0))
    f = op.InstanceNormalization(op.LRN(e, size=3, alpha=0.5), np.ones(6, np.float32), B3)
    return op.Softmax(op.MatMul(op.Flatten(op.GlobalAveragePool(op.Conv(f, K3, B3)), axis=1), FC), axis=1)


@pytest.fixture
def opened(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(ir.to_proto(build((3, 33, 29), network)).SerializeToString())
    return inspectnet.open(path, device="cpu")


def failed(opened, layers=("conv1", "conv3", "softmax1"), method="deconvnet"):
    return {(c.subject.split()[0], c.claim) for c in check_all(opened, IMAGES, layers, Policy(method)) if not c.passed}


def test_without_a_fault_all_passes(opened):
    assert failed(opened) == set()


def test_what_is_kept_of_the_recorded_tensors_changes_no_outcome(opened, monkeypatch):
    whole = [check.error for check in check_all(opened, IMAGES, ["conv3"], Policy())]
    monkeypatch.setattr(verification, "KEPT", 1)
    np.testing.assert_allclose([c.error for c in check_all(opened, IMAGES, ["conv3"], Policy())], whole, atol=1e-5)


def test_a_layer_of_which_sum_and_map_are_views_is_checked_whole(tmp_path):
    """Its map is turned, and what turns it is not what turns the sum before the activation."""
    path = tmp_path / "turned.onnx"
    ir.save(
        build((3, 33, 29), lambda op, x: op.Relu(op.Conv(op.Transpose(x, perm=[0, 1, 3, 2]), K1, B1, pads=[1] * 4))),
        path,
    )
    checks = list(check_all(inspectnet.open(path, device="cpu"), IMAGES, ["conv1"], Policy()))
    assert all(check.passed for check in checks)
    assert "whole inverse = its operators one by one" in [check.claim for check in checks]


def test_a_network_whose_own_numbers_overflow_is_checked_at_random_tensors(tmp_path):
    def write(op, x):
        return op.MaxPool(op.Conv(op.Conv(x, K1 * np.float32(1e25)), K3 * np.float32(1e20)), kernel_shape=[2, 2])

    path = tmp_path / "model.onnx"
    path.write_bytes(ir.to_proto(build((3, 33, 29), write)).SerializeToString())
    checks = check_all(inspectnet.open(path, device="cpu"), IMAGES, ["pool1"], Policy())
    of_pool = next(check for check in checks if check.subject.startswith("MaxPool"))
    assert (of_pool.passed, of_pool.note) == (True, "at random tensors, as its own overflow")


CURVED = {  # an activation, and the middle of its inputs: at kinks and where float32 cannot tell it from a constant
    "HardSwish at its lower kink": (lambda op, x: op.HardSwish(x), -3.0),
    "HardSwish at its upper kink": (lambda op, x: op.HardSwish(x), 3.0),
    "HardSigmoid at a kink": (lambda op, x: op.HardSigmoid(x), -2.5),
    "Sigmoid that is all but 1": (lambda op, x: op.Sigmoid(x), 16.0),
    "Sigmoid at 0 beside numbers of a hundred thousand": (
        lambda op, x: op.Sigmoid(op.Add(op.Mul(x, 1e-6), np.float32([0, 1e5] * 3).reshape(1, 6, 1, 1))),
        0.0,
    ),
    "Tanh that is all but -1": (lambda op, x: op.Tanh(x), -9.0),
    "Softmax of one winner": (lambda op, x: op.Softmax(op.Mul(x, 1000.0), axis=1), 0.0),
    "Relu6 at its upper kink": (lambda op, x: op.Clip(x, 0.0, 6.0), 6.0),
    "Relu of what is all negative": (lambda op, x: op.Relu(x), -9.0),
    "Gelu": (lambda op, x: op.Gelu(x), -4.0),
    "Mish": (lambda op, x: op.Mish(x), -30.0),
    "Celu, which CUDA lacks": (lambda op, x: op.Celu(x, alpha=2.0), 0.0),
    "LpNormalization by absolute values": (lambda op, x: op.LpNormalization(x, axis=1, p=1), 0.0),
    "GroupNormalization": (
        lambda op, x: op.GroupNormalization(x, np.ones(6, np.float32), B1, num_groups=2, epsilon=1e-5),
        3.0,
    ),
}


@pytest.mark.parametrize(("activation", "middle"), CURVED.values(), ids=CURVED)
def test_a_right_rule_passes_at_kinks_and_in_saturation(activation, middle, tmp_path):
    def write(op, x):
        a = op.Conv(x, K1 * np.float32(0.02), B1 * np.float32(0.1) + np.float32(middle))
        return op.GlobalAveragePool(activation(op, a))

    path = tmp_path / "model.onnx"
    path.write_bytes(ir.to_proto(build((3, 33, 29), write)).SerializeToString())
    network = inspectnet.open(path, device="cpu")
    assert failed(network, ["pool1"], "gradient") == set()


# Faults in rules: how the right signals `below` the operator are spoilt --------------------------------------


def shifted(op, node, top, below):
    """One pixel to the right."""
    return [op.Slice(op.Pad(below[0], [0, 0, 0, 1, 0, 0, 0, 0]), [0], [-1], [3]), *below[1:]]


def filters(change):
    """The 3x3 filters of stride 1 taken otherwise."""

    def fault(op, node, top, below):
        w = node.inputs[1]
        pads = [node.outputs[0].shape[2] - node.inputs[0].shape[2] + 2 >> 1] * 4
        return [op.ConvTranspose(top, change(op, w), pads=pads)] if w.shape == K3.shape else below

    return fault


def unstrided(op, node, top, below):
    """The signals side by side in a corner, as if the stride were 1."""
    if node.inputs[1].shape != K1.shape:
        return below
    return [op.Pad(op.ConvTranspose(top, node.inputs[1], pads=[1] * 4), [0, 0, 0, 0, 0, 0, 16, 14])]


def biased(op, node, top, below):
    return [op.Add(below[0], op.ReduceMean(op.Mul(op.Reshape(node.inputs[2], [1, -1, 1, 1]), 0.1), [1]))]


def scaled(factor):
    return lambda op, node, top, below: [b if b in (None, HELD) else op.Mul(b, factor) for b in below]


def instead(signal):
    """Another signal on the first input."""
    return lambda op, node, top, below: [signal(op, node, top), *below[1:]]


def wrong_gate(op, node, top, below):
    """Each factor is scaled by itself."""
    if len([x for x in node.inputs if x in op.alive]) < 2:
        return below
    return [op.Mul(top, node.inputs[0]), op.ReduceSum(op.Mul(top, node.inputs[1]), [2, 3])]


def wrong_axis(op, node, top, below):
    """A mean over the channels that is given back to the rows."""
    height = node.inputs[0].shape[2]
    return [op.Add(op.Mul(below[0], 0.0), op.Div(op.ReduceSum(top, [2], keepdims=1), float(height))), *below[1:]]


def turn(op, x, first, axis=1):
    """The maps from `first` on before those up to there."""
    return op.Concat(op.Slice(x, [first], [6], [axis]), op.Slice(x, [0], [first], [axis]), axis=axis)


RULES = {
    "wrong factor": ("GlobalAveragePool", scaled(1.05)),
    "wrong factor of a smooth slope": ("Swish", scaled(1.001)),
    "wrong share where the input was negative": (
        "LeakyRelu",
        instead(lambda op, n, t: op.Where(op.Greater(n.inputs[0], 0.0), t, op.Mul(t, 0.2))),
    ),
    "wrong sign of a term": ("Sub", lambda op, n, t, b: [b[0], op.Neg(b[1])]),
    "wrong sign": ("MaxPool", scaled(-1.0)),
    "wrong axis of a softmax": (
        "Softmax",
        instead(lambda op, n, t: op.Mul(y := n.outputs[0], op.Sub(t, op.ReduceSum(op.Mul(t, y), [0])))),
    ),
    "wrong axis of a mean": ("ReduceMean", wrong_axis),
    "missing term of a softmax": ("Softmax", instead(lambda op, n, t: op.Mul(t, n.outputs[0]))),
    "missing term of a norm": (
        "InstanceNormalization",
        lambda op, n, t, b: [op.Add(b[0], op.ReduceMean(t, [2, 3])), *b[1:]],
    ),
    "missing signal to a divisor": ("Div", lambda op, n, t, b: [b[0], HELD if n.inputs[1] in op.alive else None]),
    "missing neighbours": ("LRN", instead(lambda op, n, t: t)),
    "nothing comes down": ("InstanceNormalization", scaled(0.0)),
    "filters shifted by one pixel": ("Conv", shifted),
    "windows shifted by one pixel": ("AveragePool", shifted),
    "transposed filters": ("Conv", filters(lambda op, w: op.Transpose(w, perm=[0, 1, 3, 2]))),
    "flipped filters": ("Conv", filters(lambda op, w: op.Slice(w, [-1], [-(2**62)], [3], [-1]))),
    "filters of another order": ("Conv", filters(lambda op, w: op.Transpose(w, perm=[1, 0, 2, 3]))),
    "wrong stride": ("Conv", unstrided),
    "a bias that comes down": ("Conv", biased),
    "wrong gate": ("Mul", wrong_gate),
    "mask of the other side": ("Relu", instead(lambda op, n, t: op.Where(op.Greater(n.outputs[0], 0.0), 0.0, t))),
    "no mask": ("Relu", instead(lambda op, n, t: t)),
    "wrong switch": ("MaxPool", shifted),
    "swapped inputs of a difference": ("Sub", lambda op, n, t, b: b[::-1]),
    "swapped rows of a matrix": ("MatMul", lambda op, n, t, b: [turn(op, b[0], 3), *b[1:]]),
    "swapped parts": ("Split", lambda op, n, t, b: [turn(op, b[0], 2), *b[1:]]),
    "swapped places of a concatenation": (
        "Concat",
        lambda op, n, t, b: [op.Slice(t, [2], [6], [1]), op.Slice(t, [0], [2], [1])],
    ),
}


def plant(monkeypatch, op_type, fault, choices=()):
    """Put the fault into the rules of an operator."""
    keys = [key for key in registry._RULES if key[0] == op_type and key[1] in (choices or {key[1]})]
    for key in keys:
        right = registry._RULES[key]
        faulty = lambda op, node, top, right=right: fault(op, node, top, list(right(op, node, top)))  # noqa: E731
        monkeypatch.setitem(registry._RULES, key, faulty)
    assert keys


@pytest.mark.parametrize(("op_type", "fault"), RULES.values(), ids=RULES)
def test_a_fault_in_a_rule_is_caught_at_its_operator(op_type, fault, opened, monkeypatch):
    plant(monkeypatch, op_type, fault)
    checks = check_all(opened, IMAGES, ["softmax1"], Policy())
    wrong = next(check for check in checks if not check.passed)
    assert wrong.subject.startswith(op_type)
    assert wrong.claim.startswith("adjoint identity")


BY_METHOD = {
    "not rectified": ("Relu", "deconvnet", instead(lambda op, n, t: t)),
    "masked by the forward sign": (
        "Swish",
        "deconvnet",
        instead(lambda op, n, t: op.Where(op.Greater(n.inputs[0], 0.0), op.Relu(t), 0.0)),
    ),
    "not masked": ("LeakyRelu", "guided_backprop", instead(lambda op, n, t: op.Relu(t))),
    "a divisor of another size": ("Div", "deconvnet", scaled(2.0)),
}


@pytest.mark.parametrize(("op_type", "method", "fault"), BY_METHOD.values(), ids=BY_METHOD)
def test_a_fault_in_what_a_method_makes_of_an_operator_is_caught(op_type, method, fault, opened, monkeypatch):
    plant(monkeypatch, op_type, fault, Policy(method).choices)
    assert (op_type, f"as {method} defines it") in failed(opened, ["softmax1"], method)


# Faults in the walk and the forms --------------------------------------------------------------------------


def drop_sums(monkeypatch):
    for place in (walk, operators):
        monkeypatch.setattr(place, "total", lambda op, signals: next(iter(signals or ()), None))


def move_crops(monkeypatch):
    place = projection.place_of

    def fault(layer, *given):
        (box, at), jump = place(layer, *given), int(layer.field[0].jump)
        return box.moved(jump if box.y0 == 0 else -jump, 0), at

    monkeypatch.setattr(projection, "place_of", fault)


def move_seeds(monkeypatch):
    place = projection.place_of

    def fault(*given):
        box, at = place(*given)
        return box, tuple(max(0, n - 1) for n in at)

    monkeypatch.setattr(projection, "place_of", fault)


def give_all_the_first_image(monkeypatch):
    hand_out = split._hand_out

    def fault(backward):
        hand_out(backward)
        owner = backward.inputs[1]
        readers = list(owner.uses())
        none = Op(backward, "fault").Mul(owner, np.int64(0))
        backward.remove(none.producer())
        backward.insert_before(next(iter(backward)), none.producer())
        for node, index in readers:
            node.replace_input_with(index, none)

    monkeypatch.setattr(split, "_hand_out", fault)


def forget_a_path_of_the_split_form(monkeypatch):
    build = split.build

    def fault(*given):
        inverse, seed, target = build(*given)
        for node in inverse.graph:
            if node.op_type == "Add" and node.name.startswith("inverse"):
                ir.convenience.replace_all_uses_with(node.outputs[0], node.inputs[0])
        return inverse, seed, target

    monkeypatch.setattr(split, "build", fault)


def record_the_next_place(monkeypatch):
    right = Network.maxima

    def fault(self, x, layers):
        return {name: Maxima(m.values, np.maximum(m.places - [0, 1], 0)) for name, m in right(self, x, layers).items()}

    monkeypatch.setattr(Network, "maxima", fault)


def emit_what_has_no_kernel(monkeypatch):
    plant(monkeypatch, "Relu", lambda op, n, t, b: [op.Add(b[0], op.Sinh(op.Mul(t, 0.0)))])


WHOLE = "whole inverse = its operators one by one"
FORMS = {
    "sum dropped at a fork": (drop_sums, WHOLE),
    "crop off by a jump": (move_crops, "cropped = fused"),
    "seed off by a place": (move_seeds, "cropped = fused"),
    "switches of another image": (give_all_the_first_image, "in two parts = fused"),
    "path lost in two parts": (forget_a_path_of_the_split_form, "in two parts = fused"),
    "place of a maximum off by one": (record_the_next_place, "recorded activations = activations run again"),
    "operator without a kernel": (emit_what_has_no_kernel, "all that the way down adds has a CUDA kernel"),
}


@pytest.mark.parametrize(("fault", "claim"), FORMS.values(), ids=FORMS)
def test_a_fault_in_the_walk_or_a_form_is_caught(fault, claim, opened, monkeypatch):
    fault(monkeypatch)
    assert claim in {claim for _, claim in failed(opened, ["conv1", "conv3", "conv4"])}


def test_numbers_whose_squares_overflow_have_a_root_mean_square():
    assert verification.rms(np.float32([[3e30, -3e30]])) == np.float32(3e30)


def test_a_network_with_larger_maps_takes_fewer_pixels_in_a_run_which_change_no_signal(opened, monkeypatch):
    conv = opened.layer("conv1")
    seed = weights(*opened.activations(IMAGES, conv.name).shape)
    monkeypatch.setattr("inspectnet.opened_model.NUMBERS", 1 << 12)
    assert 0 < opened.pixels_per_run < 33 * 29
    gradient = opened.inverse(Policy("gradient"))
    apart = [gradient.backward(IMAGES[i : i + 1], conv.output, seed[i : i + 1]) for i in (0, 1)]
    np.testing.assert_allclose(gradient.project_seeds(IMAGES, conv.name, seed), np.concatenate(apart), rtol=1e-5)
