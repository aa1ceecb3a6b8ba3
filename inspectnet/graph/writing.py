"""Writing models: all files of a result or none, and never over a file that was read."""

import filecmp
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir

from inspectnet.errors import OutputError
from inspectnet.files.refusals import refusal
from inspectnet.files.staging import Stage, locked, made, settle

LARGEST = 2_000_000_000  # bytes: protobuf holds no more in one file; larger weights go into a file beside it
BESIDE = 1024  # bytes: smaller weights stay in the model itself
COPIED = 16_000_000  # bytes of weights that a session may copy: it takes them three times while it starts


def save(models: Mapping[Path, ir.Model | onnx.ModelProto], *, force: bool = True) -> None:
    """Write each model to its path, all in one folder; all files are complete or none is there.

    force: whether other files may be replaced; those that were read, here or by another path, never are. Raises
    OutputError.
    """
    folder = next(iter(models)).parent
    assert all(path.parent == folder for path in models), "the files of a result lie together"
    for path in models:
        if path.suffix != ".onnx":
            raise OutputError(f"{path} does not end in .onnx. Give a file name that does with -o.")
    try:
        with made(folder):
            with locked(folder):
                settle(folder)
                stage = Stage(folder)
            try:
                names = [name for path, model in models.items() for name in _write(model, stage, path.name)]
                if not force:
                    _refuse_losses(stage, names)
                stage.place(names)
            finally:
                stage.drop()
    except OSError as error:
        raise refusal(next(iter(models)), error) from error


def to_bytes(model: ir.Model) -> bytes | tuple[bytes, dict[str, np.ndarray]]:
    """The model as a file would hold it; its weights apart, by name, where copies of them would take much memory."""
    if not _weighs_too_much(model, COPIED):
        return _serialised(model)
    weights = model.graph.initializers
    heavy = {name: t for name, v in weights.items() if (t := v.const_value) is not None and _held_as_array(t)}
    try:
        for name, tensor in heavy.items():
            shape = ir.Shape(tensor.shape.numpy())
            weights[name].const_value = ir.ExternalTensor(
                "apart", 0, tensor.nbytes, tensor.dtype, shape=shape, name=name
            )
        return _serialised(model), {name: tensor.numpy() for name, tensor in heavy.items()}
    finally:
        for name, tensor in heavy.items():
            weights[name].const_value = tensor


def _weighs_too_much(model: ir.Model, most: int) -> bool:
    """Whether the weights exceed `most` bytes, or lie in a file of their own because no protobuf would hold them."""
    tensors = [t for value in model.graph.initializers.values() if (t := value.const_value) is not None]
    return sum(t.nbytes for t in tensors) >= most or any(isinstance(t, ir.ExternalTensor) for t in tensors)


def _held_as_array(tensor: ir.TensorProtocol) -> bool:
    """Whether it is large, and an array of a kind that NumPy has itself."""
    return tensor.nbytes > BESIDE and tensor.dtype.numpy().isbuiltin == 1


def _serialised(model: ir.Model) -> bytes:
    data: bytes = ir.to_proto(model).SerializeToString()
    return data


def _write(model: ir.Model | onnx.ModelProto, stage: Stage, name: str) -> list[str]:
    """Write one model, heavy weights into a file beside it; gives the names of its files, in order of need."""
    held = model if isinstance(model, ir.Model) else ir.from_proto(model)
    path = stage.path(name)
    if not _weighs_too_much(held, LARGEST):
        path.write_bytes(model.SerializeToString() if isinstance(model, onnx.ModelProto) else _serialised(model))
        return [name]
    data = stage.path(f"{name}.data").name
    ir.save(held, path, external_data=data, size_threshold_bytes=BESIDE)
    return [data, name]


def _refuse_losses(stage: Stage, names: list[str]) -> None:
    """Refuse to replace files that hold something else than what was made. Raises OutputError."""
    for name in names:
        place = stage.folder / name
        if place.exists() and not filecmp.cmp(place, stage.path(name), shallow=False):
            raise OutputError(f"{place} is there already and holds something else. Say --force, or another -o.")
