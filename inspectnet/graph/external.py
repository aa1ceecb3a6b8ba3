"""External data: weights in files beside the model, none of which may lie outside its folder."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import onnx
import onnx.external_data_helper

from inspectnet.errors import ModelError
from inspectnet.graph.upgrade import HEAVY
from inspectnet.graph.writing import LARGEST


def external_files(proto: onnx.ModelProto, path: Path) -> list[Path]:
    """The files beside the model in `path` that hold its weights, in the order of their names.

    A model is not to be trusted: raises ModelError for a file outside its folder, links followed, or a missing one.
    """
    folder, files = path.parent.resolve(), []
    names = {
        entry.value
        for tensor in _tensors(proto)
        if tensor.data_location == onnx.TensorProto.EXTERNAL
        for entry in tensor.external_data
        if entry.key == "location"
    }
    for name in sorted(names):
        file = (folder / name).resolve()
        if not file.is_relative_to(folder):
            raise ModelError(f"{path} keeps weights outside its folder, in '{name}'. Save it with its data beside it.")
        if not file.is_file():
            raise ModelError(f"{path} keeps weights in '{name}', which is missing. Copy it beside the model.")
        files.append(file)
    return files


def load_external(proto: onnx.ModelProto, files: list[Path], path: Path) -> None:
    """Bring the weights in `files` into the model in `path`; in place.

    If they are more than a protobuf holds, its large initializers stay where they are, to be mapped into memory.
    """
    mapped = sum(file.stat().st_size for file in files) >= LARGEST
    large = {t.name for t in proto.graph.initializer if mapped and math.prod(t.dims) > HEAVY}
    for tensor in _tensors(proto):
        if tensor.data_location == onnx.TensorProto.EXTERNAL and tensor.name not in large:
            onnx.external_data_helper.load_external_data_for_tensor(tensor, str(path.parent))
            tensor.data_location = onnx.TensorProto.DEFAULT
            tensor.ClearField("external_data")


def _tensors(proto: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """All tensors of a model: not only initializers can be external."""
    yield from _tensors_of(proto.graph)
    for function in proto.functions:
        yield from _tensors_in(function.node)


def _tensors_of(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    yield from _tensors_in(graph.node)


def _tensors_in(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for attribute in (a for node in nodes for a in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for graph in (attribute.g, *attribute.graphs):
            yield from _tensors_of(graph)
