"""Little models made on the spot, and the means to run them."""

import numpy as np
import onnx_ir as ir
import onnxruntime

from inspectnet.graph.builder import Op
from inspectnet.inverse import invert, invert_split
from inspectnet.reading.reader import open_graph, read
from inspectnet.reading.settling import settle_shapes
from inspectnet.rules import Policy
from inspectnet.runtime.device import Device
from inspectnet.runtime.session import Session

CPU = Device("cpu", "for tests")


def build(shape, write, *, batch="N"):
    """The model image (batch, *shape) -> y that `write(op, x)` writes; its last value is called 'y'."""
    x = ir.Value(name="image", shape=ir.Shape([batch, *shape]), type=ir.TensorType(ir.DataType.FLOAT))
    graph = ir.Graph([x], [], nodes=[], opset_imports={"": 24}, name="small")
    op = Op(graph, "n")
    y = write(op, x)
    y.name, y.type = "y", ir.TensorType(ir.DataType.FLOAT)
    graph.outputs.append(y)
    model = ir.Model(graph, ir_version=10)
    settle_shapes(model, None, "small")
    return model


def session(model):
    return Session(ir.to_proto(model).SerializeToString(), CPU)


def run(model, x):
    """The model's only output for the image x."""
    s = session(model)
    (y,) = s.run({s.inputs[0]: np.asarray(x, np.float32)}).values()
    return y


def project(model, x, seed, *, value="y", any_extent=False, **policy):
    """The pixels of `seed` by the fused inverse."""
    s = session(invert(model, value, Policy(**policy), any_extent=any_extent))
    return s.run({s.inputs[0]: np.asarray(x, np.float32), "seed": np.asarray(seed, np.float32)})["pixels"]


def project_split(model, x, seed, owner, *, value="y", **policy):
    """The pixels of `seed`, each through its image `owner`, by the inverse in two parts."""
    split = invert_split(model, value, Policy(**policy))
    up, down = session(split.forward), session(split.backward)
    recorded = up.run({up.inputs[0]: np.asarray(x, np.float32)})
    feeds = {"seed": np.asarray(seed, np.float32), "image_of_seed": np.asarray(owner), **recorded}
    return down.run({name: feeds[name] for name in down.inputs})["pixels"]


def opened(file, folder):
    """The graph of a model's bytes, as it is opened."""
    path = folder / "model.onnx"
    path.write_bytes(file.SerializeToString())
    return open_graph(read(path), None)


def outputs_of_file(file, x):
    """The first output of the file as it is, for the image x."""
    session = onnxruntime.InferenceSession(file.SerializeToString())
    return session.run(None, {session.get_inputs()[0].name: np.asarray(x, np.float32)})[0]
