"""Mutations: one thing of a model made wrong, or merely odd, at a place drawn by chance."""

import random
from collections.abc import Callable

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

NUMBERS = (-(1 << 63), -(1 << 31), -2, -1, 0, 1, 2, 3, 5, 17, 1 << 16, 1 << 31, (1 << 40) + 1, (1 << 63) - 1)
FLOATS = (0.0, -1.0, 1e-30, 1e30, float("inf"), float("nan"))
WORDS = (
    "",
    "x",
    "SAME_LOWER",
    "linear",
    "NHWC",
    "ij,jk->ik",
    "reflect",
    "\u732b",
    "a\nb",
    "\x1b[31m",
    "/" * 300,
    "'\"",
    "a.weight",
)
LOCATIONS = ("w.onnx", "../w.onnx", "/etc/hosts", "", "photos", "m.onnx", "a" * 400, "w.onnx\0", "./w.onnx")
OPERATORS = (
    "Relu Conv MaxPool Reshape Concat Softmax Shape Flatten Gemm Upsample Einsum Loop If NonZero Tile Expand Range "
    "ConstantOfShape Resize LSTM Squeeze Unknown GroupNormalization Attention TopK Dropout Gather Cast QLinearConv"
).split()
MANY = 5  # of what may be many


def mutate(model: onnx.ModelProto, rng: random.Random) -> None:
    """Change one thing, in place."""
    rng.choice(MUTATIONS)(model, rng)


def _nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """All nodes: of the graph, of the graphs in it and of functions."""
    nodes, found = [*model.graph.node, *(n for f in model.functions for n in f.node)], []
    while nodes:
        found.append(node := nodes.pop())
        nodes += [inner for a in node.attribute for graph in (a.g, *a.graphs) for inner in graph.node]
    return found


def _node(model: onnx.ModelProto, rng: random.Random) -> onnx.NodeProto:
    return rng.choice(_nodes(model) or [model.graph.node.add()])


def _name(model: onnx.ModelProto, rng: random.Random) -> str:
    """Of a value, of nothing, or none."""
    names = [name for node in _nodes(model) for name in (*node.input, *node.output)]
    return rng.choice([*names, *names, "", "absent", "image"])


def _tensors(model: onnx.ModelProto) -> list[TensorProto]:
    return [*model.graph.initializer, *(a.t for n in _nodes(model) for a in n.attribute if a.HasField("t"))]


def _tensor(rng: random.Random) -> TensorProto:
    shape = [rng.choice((0, 1, 1, 2, 3, 4, 6)) for _ in range(rng.randrange(5))]
    kind = rng.choice((np.float32, np.int64, np.float64, np.int32, np.bool_, np.float16, np.uint8, np.int8))
    return numpy_helper.from_array(np.full(shape, rng.choice((0, 1, 2, 3))).astype(kind), "t")


def _graph(rng: random.Random) -> onnx.GraphProto:
    node = helper.make_node(rng.choice(OPERATORS), [rng.choice(("image", "a", "r", ""))], ["inner"])
    return helper.make_graph([node], "g", [], [helper.make_tensor_value_info("inner", 1, None)])


def change_attribute(model: onnx.ModelProto, rng: random.Random) -> None:
    """Another value, of any type."""
    node = _node(model, rng)
    name = rng.choice([a.name for a in node.attribute] or ["axis", "strides", "to", "value"])
    left = [a for a in node.attribute if a.name != name]
    value = rng.choice(
        (
            *(lambda: rng.choice(NUMBERS), lambda: rng.choice(FLOATS), lambda: rng.choice(WORDS)),
            *(lambda: [rng.choice(NUMBERS) for _ in range(rng.randrange(1, MANY))], lambda: [rng.choice(FLOATS)]),
            *(lambda: [rng.choice(WORDS)], lambda: _tensor(rng), lambda: [_tensor(rng)], lambda: _graph(rng)),
        )
    )()
    del node.attribute[:]
    node.attribute.extend([*left, helper.make_attribute(name, value)])


def change_number(model: onnx.ModelProto, rng: random.Random) -> None:
    """Another number of the right type: most readers look no further than types."""
    integers = [a for n in _nodes(model) for a in n.attribute if a.type in (AttributeProto.INT, AttributeProto.INTS)]
    if not integers:
        return
    attribute = rng.choice(integers)
    if attribute.type == AttributeProto.INT:
        attribute.i = rng.choice(NUMBERS)
    elif attribute.ints and rng.random() < 0.7:
        attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(NUMBERS)
    else:
        attribute.ints[:] = attribute.ints[: rng.randrange(len(attribute.ints) + 1)] + [1] * rng.randrange(3)


def drop_attribute(model: onnx.ModelProto, rng: random.Random) -> None:
    """None, or one without its type, or one that refers to a function's."""
    node = _node(model, rng)
    if node.attribute:
        attribute = node.attribute[rng.randrange(len(node.attribute))]
        rng.choice((
            lambda: node.attribute.remove(attribute),
            lambda: attribute.ClearField("type"),
            lambda: setattr(attribute, "ref_attr_name", rng.choice(("alpha", "absent"))),
            lambda: node.attribute.append(attribute),
        ))()  # fmt: skip


def change_inputs(model: onnx.ModelProto, rng: random.Random) -> None:
    """One dropped, doubled, exchanged or added."""
    node = _node(model, rng)
    names = rng.choice((node.input, node.output))
    at = rng.randrange(len(names) + 1)
    if rng.random() < 0.5 or at == len(names):
        names.insert(at, _name(model, rng))
    elif rng.random() < 0.5:
        names[at] = _name(model, rng)
    else:
        del names[at]


def change_operator(model: onnx.ModelProto, rng: random.Random) -> None:
    """Another operator or domain, or one more of them, or one less."""
    node, nodes = _node(model, rng), model.graph.node
    choice = rng.randrange(5)
    if choice == 0:
        node.op_type = rng.choice((*OPERATORS, ""))
    elif choice == 1:
        node.domain = rng.choice(("com.microsoft", "my", "ai.onnx", "ai.onnx.ml", "nowhere"))
    elif choice == 2 and nodes:
        del nodes[rng.randrange(len(nodes))]
    elif choice == 3:
        new = helper.make_node(rng.choice(OPERATORS), [_name(model, rng) for _ in range(rng.randrange(4))], ["new"])
        nodes.insert(rng.randrange(len(nodes) + 1), new)
        if rng.random() < 0.7:
            node.input[:1] = ["new"]
    elif len(nodes) > 1:
        at, other = rng.sample(range(len(nodes)), 2)
        moved = onnx.NodeProto.FromString(nodes[at].SerializeToString())
        del nodes[at]
        nodes.insert(other, moved)


def change_tensor(model: onnx.ModelProto, rng: random.Random) -> None:
    """Another shape, kind or number of bytes than its numbers have; or other numbers; or another name."""
    if not (tensors := _tensors(model)):
        return
    tensor = rng.choice(tensors)
    choice = rng.randrange(6)
    if choice == 0 and tensor.dims:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(NUMBERS)
    elif choice == 1:
        tensor.dims[:] = [rng.choice((0, 1, 2, 3, 4)) for _ in range(rng.randrange(6))]
    elif choice == 2:
        tensor.data_type = rng.choice([*range(26), 99, -1])
    elif choice == 3:
        tensor.raw_data = tensor.raw_data[: rng.randrange(len(tensor.raw_data) + 1)]
    elif choice == 4:
        name = tensor.name
        tensor.CopyFrom(_tensor(rng))
        tensor.name = name
    else:
        tensor.name = rng.choice(("", "image", "k1", "absent"))


def fill_tensor(model: onnx.ModelProto, rng: random.Random) -> None:
    """The same shape and kind with odd numbers: a large repeat, NaN, a negative extent."""
    inside = [t for t in _tensors(model) if t.data_location != TensorProto.EXTERNAL]
    integers = [t for t in inside if t.data_type == TensorProto.INT64]
    tensor = rng.choice(integers or inside or [TensorProto(data_type=TensorProto.INT64, dims=[0])])
    try:
        array = numpy_helper.to_array(tensor).copy()
        if array.size:
            array.flat[rng.randrange(array.size)] = rng.choice(NUMBERS if array.dtype == np.int64 else FLOATS)
    except (ValueError, TypeError, OverflowError):  # it was damaged before, or holds bytes
        return
    name = tensor.name
    tensor.CopyFrom(numpy_helper.from_array(array, name))


def put_outside(model: onnx.ModelProto, rng: random.Random) -> None:
    """Numbers in another file."""
    tensors = _tensors(model)
    for tensor in rng.sample(tensors, min(len(tensors), rng.randrange(1, MANY))):
        tensor.data_location = TensorProto.EXTERNAL
        if rng.random() < 0.7:
            tensor.ClearField("raw_data")
        location = rng.choice((*LOCATIONS, *["w.onnx"] * len(LOCATIONS)))
        more = [("offset", rng.choice(("0", "-1", "8", "9999999", "x"))), ("length", str(rng.choice(NUMBERS)))]
        for key, value in [("location", location), *rng.sample(more, rng.randrange(3))]:
            tensor.external_data.add(key=key, value=value)


def change_input_shape(model: onnx.ModelProto, rng: random.Random) -> None:
    """Another shape, kind or number of what goes in, comes out or is told of between."""
    values = [*model.graph.input, *model.graph.output, *model.graph.value_info]
    value = rng.choice(values or [model.graph.input.add()])
    extents = value.type.tensor_type.shape.dim
    choice = rng.randrange(5)
    if choice == 0 and extents:
        extents[rng.randrange(len(extents))].dim_value = rng.choice(NUMBERS)
    elif choice == 1 and extents:
        extents[rng.randrange(len(extents))].dim_param = rng.choice(("", "N", "H", "x"))
    elif choice == 2:
        value.type.tensor_type.elem_type = rng.randrange(24)
    elif choice == 3 and extents:
        del extents[rng.randrange(len(extents))]
    else:
        new = model.graph.value_info.add(name=_name(model, rng))
        new.type.tensor_type.elem_type = 1
        new.type.tensor_type.shape.dim.add(dim_value=rng.choice(NUMBERS))


def change_outputs(model: onnx.ModelProto, rng: random.Random) -> None:
    """Further inputs and outputs, or fewer."""
    values = rng.choice((model.graph.input, model.graph.output))
    if values and rng.random() < 0.5:
        del values[rng.randrange(len(values))]
    else:
        values.add(name=_name(model, rng))


def change_opset(model: onnx.ModelProto, rng: random.Random) -> None:
    """Another version of the standard or of the file."""
    if rng.random() < 0.3:
        model.ir_version = rng.choice((0, 1, 3, 4, 10, 13, 99, -1))
    imports = rng.choice([model.opset_import, *(f.opset_import for f in model.functions)])
    if imports and rng.random() < 0.8:
        imports[0].version = rng.choice((*range(6, 27), 0, -1, 1 << 40))
    elif imports and rng.random() < 0.5:
        del imports[rng.randrange(len(imports))]
    else:
        imports.add(domain=rng.choice(("", "ai.onnx", "my")), version=rng.randrange(30))


def change_function(model: onnx.ModelProto, rng: random.Random) -> None:
    """Functions that call each other, and themselves; other parameters, other defaults."""
    if not model.functions:
        model.functions.add(domain="my", name="Leak", input=["x"], output=["x"]).opset_import.add(domain="", version=17)
        model.opset_import.add(domain="my", version=1)
    function = rng.choice(model.functions)
    choice = rng.randrange(5)
    if choice == 0:
        depth = rng.choice((2, 12, 40))
        for i in range(depth):
            called = ("my", f"D{i - 1}") if i else ("", "Relu")
            new = model.functions.add(domain="my", name=f"D{i}", input=["x"], output=["z"])
            new.opset_import.add(domain="", version=17)
            new.opset_import.add(domain="my", version=1)
            for x, z in (("x", "t"), ("t", "z")):
                new.node.append(helper.make_node(called[1], [x], [z], domain=called[0]))
        model.graph.node.insert(0, helper.make_node(f"D{depth - 1}", ["image"], ["deep"], domain="my"))
    elif choice == 1:
        function.node.add(domain="my", op_type=function.name, input=["x"], output=["again"])
    elif choice == 2:
        default = function.attribute_proto.add(name=rng.choice(("alpha", "w")), type=AttributeProto.TENSOR)
        default.t.CopyFrom(_tensor(rng))
    elif choice == 3:
        rng.choice((function.input, function.output)).append(_name(model, rng))
    else:
        function.name = rng.choice(("Relu", "Leak", "Twice", ""))


def change_metadata(model: onnx.ModelProto, rng: random.Random) -> None:
    """What travels with the model: preprocessing, classes, the names of modules."""
    sizes = [3, rng.choice(NUMBERS), rng.choice((16, 24, *NUMBERS))]
    texts = (
        *("", "{", "null", "[]", "3", '"x"', "[" * 9999, '{"mean": "x"}', '["a", 3]', '["a"]', '{"epoch": 1}'),
        f'{{"input_size": {sizes}, "mean": [0, 0, 0], "std": [1, 1, 1]}}',
        f'{{"input_size": [3, 16, 16], "mean": [0, 0, 0], "std": [0, {rng.choice(NUMBERS)}, 1e400]}}',
        '{"input_size": [3, 16, 16], "mean": [0], "std": [1, 1, 1], "crop_pct": -1, "interpolation": 3}',
    )
    key = rng.choice(("inspectnet.preprocess", "inspectnet.preprocess", "inspectnet.classes", "inspectnet.training"))
    for entry in [entry for entry in model.metadata_props if entry.key == key]:
        model.metadata_props.remove(entry)
    model.metadata_props.add(key=key, value=rng.choice(texts))
    scopes = ("['', 'a.b']", "['a'", "f()", "[1, 2]", "{}", "['']" * 9, "\0")
    key = rng.choice(("pkg.torch.onnx.name_scopes", "namespace", "pkg.torch.onnx.class_hierarchy"))
    _node(model, rng).metadata_props.add(key=key, value=rng.choice(scopes))


def rename(model: onnx.ModelProto, rng: random.Random) -> None:
    """A value or a node by another name, wherever it stands."""
    old, new = _name(model, rng), rng.choice(WORDS)
    for node in _nodes(model):
        for names in (node.input, node.output):
            names[:] = [new if name == old else name for name in names]
        node.name = rng.choice((node.name, new))
    for value in (*model.graph.initializer, *model.graph.input, *model.graph.output):
        value.name = new if value.name == old else value.name


def enlarge(model: onnx.ModelProto, rng: random.Random) -> None:
    """A constant that becomes gigabytes, times what goes in."""
    count = rng.choice((1 << 20, 1 << 29, 1 << 34, 1 << 62))
    model.graph.initializer.extend(
        [numpy_helper.from_array(np.int64([count]), "count"), numpy_helper.from_array(np.ones(1, np.float32), "one1")]
    )
    made = {
        "Tile": helper.make_node("Tile", ["one1", "count"], ["large"]),
        "Expand": helper.make_node("Expand", ["one1", "count"], ["large"]),
        "ConstantOfShape": helper.make_node("ConstantOfShape", ["count"], ["large"]),
    }
    nodes = [rng.choice(list(made.values())), helper.make_node("ReduceMax", ["large"], ["least"], keepdims=0)]
    nodes.append(helper.make_node("Mul", ["image", "least"], ["scaled"]))
    for node in model.graph.node:
        node.input[:] = ["scaled" if name == "image" else name for name in node.input]
    for node in reversed(nodes):
        model.graph.node.insert(0, node)


def multiply(model: onnx.ModelProto, rng: random.Random) -> None:
    """A ladder: each rung reads the one below twice, so that there are 2^n ways up."""
    kind, count = rng.choice(("Add", "Mul", "Max", "Concat")), rng.choice((3, 30, 200))
    count = min(count, 6) if kind == "Concat" else count
    attributes = {"axis": 2} if kind == "Concat" else {}
    for i in range(count):
        below = f"rung{i - 1}" if i else "image"
        model.graph.node.insert(i, helper.make_node(kind, [below, below], [f"rung{i}"], **attributes))
    for node in model.graph.node[count:]:
        node.input[:] = [f"rung{count - 1}" if name == "image" else name for name in node.input]


MUTATIONS: list[Callable[[onnx.ModelProto, random.Random], None]] = [
    *(change_attribute, change_number, change_number, drop_attribute, change_inputs, change_inputs, change_operator),
    *(change_tensor, fill_tensor, fill_tensor, put_outside, change_input_shape, change_input_shape, change_outputs),
    *(change_opset, change_function, change_metadata, rename, enlarge, multiply),
]
