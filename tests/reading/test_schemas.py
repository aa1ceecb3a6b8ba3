"""Schemas: operators whose form is not the standard's are refused by name, in one line that says what is wrong."""

import numpy as np
import onnx
import pytest
from nets import onnx_text
from onnx import AttributeProto, helper
from small import opened

from inspectnet.errors import ModelError

FILTERS = np.ones((4, 3, 3, 3), np.float32)
BODY = """a = Conv <kernel_shape = [3, 3]> (image, f)
b = MaxPool <kernel_shape = [2, 2]> (a)
c = Softmax <axis = 1> (b)
d = Transpose <perm = [0, 2, 3, 1]> (c)
y = Concat <axis = 1> (d, d)"""


def network(opset, change):
    """The file of a network with one node or attribute changed by `change(nodes)`."""
    file = onnx_text(BODY, {"f": FILTERS}, opset=opset, image=("N", 3, 9, 9))
    change({node.op_type: node for node in file.graph.node})
    return file


def attribute(op_type, name, value):
    """A change that gives an attribute another value, of any type; None takes it away."""

    def change(nodes):
        node = nodes[op_type]
        left = [a for a in node.attribute if a.name != name]
        del node.attribute[:]
        node.attribute.extend(left + ([] if value is None else [helper.make_attribute(name, value)]))

    return change


def inputs(op_type, *names):
    def change(nodes):
        nodes[op_type].input[:] = names

    return change


def reference(nodes):
    del nodes["Softmax"].attribute[:]
    nodes["Softmax"].attribute.add(name="axis", ref_attr_name="which", type=AttributeProto.INT)


GRAPH = helper.make_graph([helper.make_node("Relu", ["a"], ["g"])], "g", [], [])
FAULTS = {
    "an int for ints": (attribute("MaxPool", "kernel_shape", 2), "MaxPool (output 'b') has a kernel_shape of type INT"),
    "a text for ints": (attribute("Transpose", "perm", "NHWC"), "has a perm of type STRING, not INTS"),
    "a graph for an int": (attribute("Softmax", "axis", GRAPH), "has a axis of type GRAPH, not INT"),
    "a float for an int": (attribute("Concat", "axis", 1.0), "has a axis of type FLOAT, not INT"),
    "nothing for ints": (attribute("MaxPool", "kernel_shape", None), "lacks its attribute kernel_shape"),
    "a step of 0": (attribute("MaxPool", "strides", [0, 1]), "has a strides of 0, which is below 1"),
    "a group of -1": (attribute("Conv", "group", -1), "has a group of -1, which is below 1"),
    "too few inputs": (inputs("Conv", "image"), "Conv (output 'a') has 1 inputs, not 2 to 3"),
    "too many inputs": (inputs("Softmax", "b", "b"), "has 2 inputs, not 1"),
    "no name for an input": (inputs("Conv", "", "f"), "lacks its input X"),
    "a reference to nothing": (reference, "takes its axis from an attribute 'which' that is not given"),
}


@pytest.mark.parametrize("opset", [13, 21])
@pytest.mark.parametrize(("change", "fault"), FAULTS.values(), ids=FAULTS)
def test_an_operator_of_another_form_is_refused_by_name(change, fault, opset, tmp_path):
    with pytest.raises(ModelError) as caught:
        opened(network(opset, change), tmp_path)
    assert "model.onnx: " in str(caught.value) and fault in str(caught.value)


@pytest.mark.parametrize("opset", [13, 21])
def test_operators_in_branches_are_looked_at_too(opset, tmp_path):
    text = f"""<ir_version: 8, opset_import: ["" : {opset}]>
    net (float[N,3,9,9] image) => (float[N,3,9,9] y) {{
    m = ReduceMax <keepdims = 0> (image)
    sure = Greater (m, m)
    y = If (sure) <then_branch = yes () => (float[N,3,9,9] t) {{ t = Relu (image) }},
                   else_branch = no () => (float[N,3,9,9] e) {{ e = Softmax <axis = 1> (image) }}>
    }}"""
    file = onnx.parser.parse_model(text)
    branch = next(a.g for a in file.graph.node[2].attribute if a.name == "else_branch")
    attribute("Softmax", "axis", 1.0)({node.op_type: node for node in branch.node})
    with pytest.raises(ModelError, match=r"Softmax \(output 'e'\) has a axis of type FLOAT"):
        opened(file, tmp_path)


def test_what_the_standard_does_not_know_is_left_alone(tmp_path):
    """Operators of onnxruntime and of others have no schema here."""
    file = onnx_text("y = Relu (image)", image=("N", 3, 9, 9))
    file.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    file.graph.node.insert(0, onnx.helper.make_node("Unheard", ["image"], ["x"], axis="any", domain="com.microsoft"))
    file.graph.node[1].input[0] = "x"
    assert [node.op_type for node in opened(file, tmp_path).graph] == ["Unheard", "Relu"]
