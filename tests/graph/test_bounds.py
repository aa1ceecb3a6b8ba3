"""Bounds: what constants become is computed only where it is small, and asked before it is done."""

import numpy as np
import onnx
import pytest
from nets import onnx_text
from onnx import numpy_helper
from small import opened

from inspectnet.errors import ModelError, OptionError
from inspectnet.graph import folding
from inspectnet.graph.bounds import LARGEST
from inspectnet.reading.reader import open_graph, read

BIG = 1 << 40
LOOP = """k = Loop (n, on, one) <body = b (int64 i, bool go, float v) => (bool stay, float w) {
  stay = Identity (go)
  w = BODY
}>
y = Mul (image, k)"""


def network(body, **constants):
    """A file of this body, whose constants are float32 or int64; unchecked."""
    text = f'<ir_version: 10, opset_import: ["" : 21]> net (float[N,3,8,8] image) => (float y) {{\n{body}\n}}'
    file = onnx.parser.parse_model(text)
    file.graph.output[0].ClearField("type")
    for name, given in constants.items():
        array = np.asarray(given)
        array = array.astype(np.float32) if array.dtype.kind == "f" else array
        file.graph.initializer.append(numpy_helper.from_array(array, name))
    return file


@pytest.mark.parametrize(
    ("body", "constants"),
    [
        ("k = Tile (one, n)", {"one": [1.0], "n": [BIG]}),
        ("k = Expand (one, n)", {"one": [1.0], "n": [BIG]}),
        ("k = ConstantOfShape (n)", {"n": [BIG]}),
        ("k = Range (zero, n, step)", {"zero": 0, "n": BIG, "step": 1}),
        ("k = Pad (one, n)", {"one": [1.0], "n": [0, BIG]}),
        ("k = OneHot (one, n, pair)", {"one": [1], "n": BIG, "pair": [0.0, 1.0]}),
        ("k = EyeLike (wide)", {"wide": np.zeros((1 << 9, 1 << 9))}),
        ("k = Add (row, column)", {"row": np.ones((1, 1 << 15)), "column": np.ones((1 << 15, 1))}),
        ("k = MatMul (column, row)", {"row": np.ones((1, 1 << 15)), "column": np.ones((1 << 15, 1))}),
        ("k = Gather (row, many)", {"row": np.ones((1, 1 << 15)), "many": np.zeros(1 << 15, np.int64)}),
        ("k = NonZero (deep)", {"deep": np.ones((1,) * 40 + (1 << 12,))}),
        ("k = RandomNormal <shape = [1099511627776]> ()", {}),
    ],
)  # fmt: skip
def test_a_constant_that_becomes_large_is_not_computed(body, constants, monkeypatch, tmp_path):
    monkeypatch.setattr(folding, "_evaluate", lambda *_: pytest.fail("it was computed"))
    path = tmp_path / "model.onnx"
    path.write_bytes(
        network(
            f"{body}\nj = ReduceMax <keepdims = 0> (k)\nc = Cast <to = 1> (j)\ny = Mul (image, c)", **constants
        ).SerializeToString()
    )
    assert "Mul" in [node.op_type for node in read(path).model.graph]


@pytest.mark.parametrize(
    ("body", "constants"),
    [("Mul (v, v)", {"n": 1 << 62}), ("Concat <axis = 0> (v, v)", {"n": 4}), ("Tile (v, n)", {"n": 4})],
    ids=["endless", "doubling", "growing"],
)
def test_a_loop_is_not_run_that_is_long_or_may_grow(body, constants, monkeypatch, tmp_path):
    monkeypatch.setattr(folding, "_evaluate", lambda *_: pytest.fail("it was computed"))
    path = tmp_path / "model.onnx"
    path.write_bytes(network(LOOP.replace("BODY", body), on=True, one=1.0, **constants).SerializeToString())
    assert "Loop" in [node.op_type for node in read(path).model.graph]


def test_what_is_small_is_computed(tmp_path):
    body = "a = Tile (one, n)\nb = Range (zero, m, step)\nc = Cast <to = 1> (b)\nd = Add (a, c)\ny = Mul (image, d)"
    model = opened(network(body, one=[2.0], n=[8], zero=0, m=8, step=1), tmp_path)
    assert [node.op_type for node in model.graph] == ["Mul"]
    np.testing.assert_array_equal(model.graph.initializers["d"].const_value.numpy(), np.arange(2.0, 10))


def test_many_small_constants_are_computed_a_part_at_a_time(tmp_path):
    """All of 600 arrays of 512 KiB would be 300 MiB; the sums of the first are done before the last are."""
    count = 600
    lines = [f"a{i} = Add (w, k{i})\nb{i} = ReduceMax <keepdims = 0> (a{i})" for i in range(count)]
    sums = "s0 = Identity (b0)\n" + "\n".join(f"s{i} = Add (s{i - 1}, b{i})" for i in range(1, count))
    body = "\n".join(lines) + f"\n{sums}\ny = Mul (image, s{count - 1})"
    numbers = {f"k{i}": np.float64(i) for i in range(count)}
    resource, path = pytest.importorskip("resource"), tmp_path / "model.onnx"
    path.write_bytes(network(body, w=np.ones(LARGEST), **numbers).SerializeToString())
    model = read(path).model
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model = open_graph(read(path), None)
    assert [node.op_type for node in model.graph] == ["Mul"]
    assert model.graph.initializers[f"s{count - 1}"].const_value.numpy() == count + sum(range(count))
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10 < 120  # MiB


def test_an_image_for_which_the_memory_does_not_suffice_is_refused_with_its_size(monkeypatch, tmp_path):
    file = onnx_text("a = Conv (image, k)\ny = Relu (a)", {"k": np.ones((8, 3, 1, 1))}, image=("N", 3, "H", "W"))
    path = tmp_path / "model.onnx"
    path.write_bytes(file.SerializeToString())
    assert open_graph(read(path), (2000, 2000)).graph.num_nodes() == 2  # twice 76 floats and 4 times 3, or 1.5 GiB
    with pytest.raises(ModelError, match=r"takes 2\.\d+ GiB of memory for 1 of 4000x4000 at (Conv|Relu) \(output"):
        open_graph(read(path), (4000, 4000))
    monkeypatch.setenv("INSPECTNET_MEMORY", "64")
    assert open_graph(read(path), (4000, 4000)).graph.num_nodes() == 2
    monkeypatch.setenv("INSPECTNET_MEMORY", "much")
    with pytest.raises(OptionError, match="INSPECTNET_MEMORY is 'much'"):
        open_graph(read(path), (8, 8))


def test_what_is_not_used_any_more_does_not_count(tmp_path):
    """A hundred maps of 12 MB, of which no more than two are there at once."""
    body = "\n".join(f"r{i} = Sin ({f'r{i - 1}' if i else 'image'})" for i in range(100)) + "\ny = Relu (r99)"
    path = tmp_path / "model.onnx"
    path.write_bytes(onnx_text(body, image=("N", 3, 1000, 1000)).SerializeToString())
    assert open_graph(read(path), None).graph.num_nodes() == 101


def test_a_batch_that_the_graph_insists_on_counts(tmp_path):
    file = onnx_text("y = Add (image, own)", {"own": np.ones((400, 1, 1, 1))}, image=(400, 3, 512, 512))
    with pytest.raises(ModelError, match=r"for 400 of 512x512"):
        opened(file, tmp_path)
