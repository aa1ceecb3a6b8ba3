"""Valid graphs of many kinds, for the fuzzer to damage: exporters' idioms, control flow, functions, quantisation."""

from collections.abc import Callable

import numpy as np
import onnx
import onnx.parser
from onnx import numpy_helper

SIDE = 16
IMAGE = f"float[N,3,{SIDE},{SIDE}] image"


def _made(body: str, opset: int, shapes: dict[str, tuple[int, ...]], functions: str = "", **numbers: list) -> bytes:
    """A model as bytes: weights of these shapes, and constants of these numbers (int64, or float32 for a float)."""
    domains = f'"" : {opset}' + (', "my" : 1' if functions else "") + ', "com.microsoft" : 1'
    header = f"<ir_version: {10 if opset > 20 else 8}, opset_import: [{domains}]>"
    text = f"{header} net ({IMAGE}) => (float[N,K] y) {{\n{body}\n}}\n{functions}"
    model, rng = onnx.parser.parse_model(text), np.random.default_rng(0)
    model.graph.output[0].ClearField("type")
    arrays = {name: (rng.normal(size=shape) / 4).astype(np.float32) for name, shape in shapes.items()}
    for name, given in numbers.items():
        array = np.asarray(given)
        arrays[name] = array.astype(np.float32) if array.dtype.kind == "f" else array
    for name, array in arrays.items():
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    model.metadata_props.add(key="inspectnet.preprocess", value=PREPROCESS)
    model.metadata_props.add(key="inspectnet.classes", value='["a", "b", "c", "d", "e"]')
    return model.SerializeToString()


PREPROCESS = f'{{"input_size": [3, {SIDE}, {SIDE}], "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}'
K1, K2, M = (4, 3, 3, 3), (6, 4, 3, 3), (6, 5)
NORM = {name: (4,) for name in ("gamma", "beta", "mean")}
HEAD = "g = GlobalAveragePool (t)\nf = Flatten (g)\ny = MatMul (f, m)"
PLAIN = f"""a = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (image, k1)
r = Relu (a)
p = MaxPool <kernel_shape = [3, 3], strides = [2, 2]> (r)
c = Conv <strides = [2, 2]> (p, k2)
t = Relu (c)
{HEAD}"""
BLOCK = f"""a = Conv <pads = [1, 1, 1, 1]> (image, k1)
b = BatchNormalization (a, gamma, beta, mean, var)
r = LeakyRelu <alpha = 0.1> (b)
d = Conv <pads = [1, 1, 1, 1], group = 4> (r, dw)
s = Add (d, r)
l = LRN <size = 3, alpha = 0.1> (s)
q = AveragePool <kernel_shape = [2, 2], strides = [2, 2], ceil_mode = 1> (l)
j = Concat <axis = 1> (q, q)
z = Slice (j, starts, ends, axes)
c = Conv (z, k2)
t = Clip (c, low, high)
{HEAD}"""
SHAPES = """a = Conv <auto_pad = "SAME_UPPER", strides = [2, 2]> (image, k1)
r = Relu (a)
s = Shape (r)
n = Gather <axis = 0> (s, zero)
u = Unsqueeze (n, zeros)
w = Concat <axis = 0> (u, rest)
v = Reshape (r, w)
y = MatMul (v, big)"""
TOKENS = """a = Conv <strides = [4, 4], kernel_shape = [4, 4]> (image, patch)
v = Reshape (a, flat)
t = Transpose <perm = [0, 2, 1]> (v)
n = LayerNormalization (t, scale)
k = Transpose <perm = [0, 2, 1]> (n)
q = MatMul (n, k)
s = Softmax <axis = -1> (q)
o = MatMul (s, n)
e = Erf (o)
x = Add (e, t)
p = ReduceMean <keepdims = 0> (x, one)
y = MatMul (p, w)"""
FLOW = f"""a = Conv (image, k1)
big = ReduceMax <keepdims = 0> (a)
sure = Greater (big, low)
r = If (sure) <then_branch = yes () => (float[N,4,14,14] b1) {{ b1 = Relu (a) }},
               else_branch = no () => (float[N,4,14,14] b2) {{ b2 = Neg (a) }}>
k = Loop (three, on, one) <body = l (int64 i, bool go, float v) => (bool stay, float w) {{
  stay = Identity (go)
  w = Mul (v, half)
}}>
x = Mul (r, k)
c = Conv (x, k2)
t = Relu (c)
{HEAD}"""
CALLS = f"""a = my.Twice <alpha = 0.2> (image, k1)
c = Conv (a, k2)
t = my.Leak <alpha = 0.3> (c)
{HEAD}"""
FUNCTIONS = """
<domain: "my", opset_import: ["" : OPSET, "my" : 1]>
Leak <alpha: float = 0.1> (x) => (z) { z = LeakyRelu <alpha: float = @alpha> (x) }
<domain: "my", opset_import: ["" : OPSET, "my" : 1]>
Twice <alpha: float = 0.1> (x, k) => (z) { c = Conv (x, k)
 b = my.Leak <alpha: float = @alpha> (c)
 z = my.Leak (b) }
"""
QUANTISED = f"""i = QuantizeLinear (image, step, point)
j = DequantizeLinear (i, step, point)
a = Conv (j, k1)
b = QuantizeLinear (a, step, point)
r = DequantizeLinear (b, step, point)
u = Resize <mode = "nearest"> (r, , scales)
c = Conv (u, k2)
t = HardSwish (c)
{HEAD}"""
DECODER = f"""a = Conv <strides = [2, 2]> (image, k1)
r = Sigmoid (a)
d = ConvTranspose <strides = [2, 2]> (r, up)
p = Pad <mode = "reflect"> (d, pads)
x, z = Split <axis = 1> (p)
w = Mul (x, z)
c = Conv <dilations = [2, 2]> (w, k3)
i = InstanceNormalization (c, ones6, zeros6)
t = PRelu (i, slope)
{HEAD}"""
BLOCK_SHAPES = {"k1": K1, "k2": K2, "m": M, "dw": (4, 1, 3, 3), **NORM}
TOKEN_SHAPES = {"patch": (8, 3, 4, 4), "scale": (8,), "w": (8, 5)}
PLAIN_SHAPES = {"k1": K1, "k2": K2, "m": M}
DECODER_SHAPES = {"k1": K1, "up": (4, 4, 3, 3), "k3": (6, 2, 3, 3), "m": M, "slope": (6, 1, 1)}
CORNERS = {"starts": [0, 1], "ends": [4, 99], "axes": [1, 2]}
TURNS = {"low": 0.0, "three": 3, "on": True, "one": 1.0, "half": 0.5}
GRID = {"step": 0.1, "point": np.uint8(0), "scales": [1.0, 1.0, 2.0, 2.0]}
EDGES = {"pads": [0, 0, 1, 1, 0, 0, 1, 1], "ones6": [1.0] * 6, "zeros6": [0.0] * 6}

FILES = [
    *(_made(PLAIN, opset, PLAIN_SHAPES) for opset in (9, 13, 17, 21)),
    *(_made(BLOCK, opset, BLOCK_SHAPES, var=[0.5] * 4, low=0.0, high=6.0, **CORNERS) for opset in (12, 21)),
    *(_made(SHAPES, opset, {"k1": K1, "big": (256, 5)}, zero=0, zeros=[0], rest=[256]) for opset in (13, 21)),
    *(_made(TOKENS, opset, TOKEN_SHAPES, flat=[0, 8, 16], one=[1]) for opset in (18, 22)),
    *(_made(FLOW, opset, PLAIN_SHAPES, **TURNS) for opset in (16, 21)),
    *(_made(CALLS, opset, PLAIN_SHAPES, FUNCTIONS.replace("OPSET", str(opset))) for opset in (17, 21)),
    _made(QUANTISED, 19, PLAIN_SHAPES, **GRID),
    _made(DECODER, 18, DECODER_SHAPES, **EDGES),
]


def _reader(data: bytes) -> Callable[[], onnx.ModelProto]:
    return lambda: onnx.load_model_from_string(data)


GRAPHS = [_reader(data) for data in FILES]
"""Functions that give a new copy of each."""
