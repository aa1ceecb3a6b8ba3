"""The table of rules: what it refuses, and what its rules emit."""

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from small import build, session
from test_adjoint import HOMOGENEOUS, LINEAR, check_adjoint
from test_methods import COMPOSED, SMOOTH

from inspectnet.errors import OptionError, RuleError
from inspectnet.inverse import invert
from inspectnet.rules import AXES, METHODS, Policy, Row, registry, supported_ops
from inspectnet.runtime.kernels import without_cuda_kernel


def test_an_operator_without_a_rule_is_named_with_its_output_and_method():
    model = build((2, 3, 3), lambda op, x: op.Relu(op.Sin(x)))
    with pytest.raises(RuleError, match=r"no guided_backprop rule for Sin \(output 'n/Sin_1'\)"):
        invert(model, "y", Policy("guided_backprop"))


def test_an_operator_of_another_domain_has_no_rule_of_the_same_name():
    model = build((2, 3, 3), lambda op, x: op.Relu(x))
    next(iter(model.graph)).domain = "com.example"
    with pytest.raises(RuleError, match=r"com\.example\.Relu"):
        invert(model, "y", Policy())


LOST = {
    "Gemm with a live addend": lambda op, x: op.Gemm(op.Flatten(x, axis=1), W, op.Flatten(op.Relu(x), axis=1)),
    "BatchNormalization with live gamma": lambda op, x: op.BatchNormalization(
        x, op.ReduceMean(x, [0, 2, 3], keepdims=0), np.zeros(2), np.zeros(2), np.ones(2)
    ),
    "Conv with a live bias": lambda op, x: op.Conv(x, np.ones((2, 2, 1, 1)), op.ReduceMean(x, [0, 2, 3], keepdims=0)),
    "Clip with a live bound": lambda op, x: op.Clip(x, op.ReduceMean(x, [0, 1, 2, 3], keepdims=0), 6.0),
}
ROOT = Path(__file__).parents[2]
W = np.eye(18, dtype=np.float32)


@pytest.mark.parametrize("write", LOST.values(), ids=LOST)
def test_a_path_that_no_rule_answers_for_is_refused_not_lost(write):
    model = build((2, 3, 3), write)
    for method in METHODS:
        with pytest.raises(RuleError, match="depends on the image"):
            invert(model, "y", Policy(method))


TRAINING = {
    "BatchNormalization": lambda op, x: op.several("BatchNormalization", 3, x, *np.ones((4, 2)), training_mode=1)[0],
    "Dropout": lambda op, x: op.Dropout(x, 0.5, True),
}


@pytest.mark.parametrize("write", TRAINING.values(), ids=TRAINING)
def test_an_operator_in_training_mode_is_refused(write):
    with pytest.raises(RuleError, match="training mode"):
        invert(build((2, 3, 3), write), "y", Policy())


def test_switches_that_are_read_as_numbers_are_refused():
    def write(op, x):
        value, indices = op.several("MaxPool", 2, x, kernel_shape=[2, 2])
        return op.Add(value, op.Cast(indices, to=1))

    with pytest.raises(RuleError, match="turns"):
        invert(build((2, 4, 4), write), "y", Policy())


def test_a_cut_along_an_extent_that_depends_on_pixels_is_refused():
    def write(op, x):
        flat = op.Reshape(x, [-1])
        return op.Slice(op.Compress(flat, op.Greater(flat, 0.0), axis=0), [0], [1], [0])

    with pytest.raises(RuleError, match="how much there is to cut from depends on the image"):
        invert(build((2, 3, 3), write), "y", Policy())


def test_two_rules_for_one_key_are_refused():
    with pytest.raises(ValueError, match="two rules"):
        registry.rule("Conv")(lambda op, node, top: [top])


def test_a_rule_for_a_choice_that_no_policy_makes_is_refused():
    with pytest.raises(ValueError, match="no policy chooses state=hold"):
        registry.rule("Elu", when=["state=hold", "rectify=signal"])


def test_a_method_is_a_row_of_choices_and_two_of_them_may_be_made_otherwise():
    assert Policy().choices == ("rectify=signal", "state=held", "lrn=identity", "unpool=sum")
    assert Policy("gradient").choices == ("rectify=gradient", "state=gradient", "lrn=gradient", "unpool=sum")
    changed = Policy("guided_backprop", unpool="centre", lrn="gradient")
    assert changed.choices == ("rectify=guided", "state=held", "lrn=gradient", "unpool=centre")


class Doubling(Policy):
    """Rows and rules of its own."""

    @classmethod
    def rows(cls):
        return {"doubling": Row(rectify="gradient", state="held", lrn="identity")}

    def own_rule(self, node):
        return double if node.op_type == "Neg" else None


def double(op, node, top):
    """Twice the signal."""
    return [op.Mul(top, 2.0)]


def test_a_method_may_bring_rules_of_its_own_for_single_operators(rng):
    model, x = build((2, 3, 3), lambda op, x: op.Relu(op.Neg(x))), rng.normal(size=(1, 2, 3, 3))
    policy, seed = Doubling("doubling"), np.ones((1, 2, 3, 3), np.float32)
    found = session(invert(model, "y", policy)).run({"image": np.float32(x), "seed": seed})["pixels"]
    np.testing.assert_array_equal(found, 2.0 * (x < 0))
    assert registry.describe_rule(ir.node("Neg", [ir.Value(name="x")]), policy) == "Twice the signal."
    with pytest.raises(OptionError, match=r"no method 'gradient'\. There are: doubling"):
        Doubling("gradient")


@pytest.mark.parametrize(
    ("said", "near"),
    [({"method": "deconv"}, "deconvnet"), ({"unpool": "center"}, "centre"), ({"lrn": "x"}, "identity")],
)
def test_a_wrong_word_in_a_policy_gets_the_right_ones(said, near):
    with pytest.raises(OptionError, match=near):
        Policy(**said)


def test_the_adjoint_test_catches_a_wrong_rule(monkeypatch, rng):
    def conv_a_little_too_strong(op, node, top):
        return [op.Mul(bottom, 1.001) for bottom in right(op, node, top)]

    right = registry._RULES["Conv", ""]
    monkeypatch.setitem(registry._RULES, ("Conv", ""), conv_a_little_too_strong)
    _, shape, write = next(case for case in LINEAR if case[0].startswith("conv-k3s2p1"))
    x, v = rng.normal(size=(2, 2, *shape))
    with pytest.raises(AssertionError):
        check_adjoint(build(shape, write), x, v, 1.0, method="gradient")


def test_rules_emit_only_operators_that_onnxruntime_computes_on_cuda():
    policies = [Policy(m) for m in METHODS] + [Policy(unpool=u) for u in AXES["unpool"]]
    models = [build(shape, write) for _, shape, write in LINEAR + HOMOGENEOUS]
    models += [build((5, 2, 2), write) for write in (*SMOOTH.values(), *COMPOSED.values())]
    emitted = {
        node.op_type
        for model in models
        for policy in policies
        for node in invert(model, "y", policy).graph
        if node.name and node.name.startswith("inverse/")
    }
    assert {"Conv", "ConvTranspose", "ScatterElements", "Where"} <= emitted
    assert without_cuda_kernel(emitted) == []


def test_every_rule_says_in_one_sentence_what_it_does():
    for function in registry._RULES.values():
        first = (function.__doc__ or "").strip().splitlines()[0]
        assert first and first[0].isupper(), function


def test_every_operator_of_the_first_release_has_a_rule():
    wanted = """Conv ConvTranspose Relu LeakyRelu Clip MaxPool AveragePool GlobalAveragePool GlobalMaxPool
    ReduceMean LRN BatchNormalization Gemm MatMul Add Sub Sum Mul Div Concat Split Flatten Reshape Transpose Squeeze
    Unsqueeze Slice
    Pad Dropout Identity Cast Softmax Sigmoid Tanh"""
    assert set(wanted.split()) <= set(supported_ops())


def test_every_operator_that_image_networks_export_has_a_rule():
    wanted = """Elu Selu Celu PRelu ThresholdedRelu Softplus Softsign Gelu HardSwish HardSigmoid Mish Swish
    InstanceNormalization LayerNormalization GroupNormalization LpNormalization ReduceSum ReduceMax ReduceMin ReduceL2
    Max Min Pow Sqrt Exp Log Abs Neg Reciprocal Einsum Where Expand Tile Gather GatherElements GatherND ScatterND Mean
    Sign Resize GridSample DepthToSpace SpaceToDepth QuantizeLinear DequantizeLinear Erf LogSoftmax"""
    for method in METHODS:
        for op_type in wanted.split():
            assert registry.find_rule(ir.node(op_type, [ir.Value(name="x")]), Policy(method))


def test_the_page_of_rules_says_what_the_rules_say():
    from inspectnet.rules.__main__ import page

    assert (ROOT / "docs/rules.md").read_text() == page()


def test_the_page_of_rules_says_which_formulas_rectify():
    from inspectnet.rules.__main__ import page

    (row,) = [line for line in page().splitlines() if line.startswith("| Relu | `")]
    for formula in ("Max(x, 0)", "Where(x > 0, x, 0)", "Where(x <= 0, 0, x)", "(x + Abs(x)) * 0.5"):
        assert f"`{formula}`" in row
    assert page().count("is read as a Relu") == 2
