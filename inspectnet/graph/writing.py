"""Writing models: all files of a result or none, and never over the model they were made from."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir

from inspectnet.errors import OutputError

LARGEST = 2_000_000_000  # bytes: protobuf holds no more in one file; larger weights go into a file beside it
BESIDE = 1024  # bytes: smaller weights stay in the model itself


def save(models: Mapping[Path, ir.Model | onnx.ModelProto], source: Path) -> None:
    """Write each model to its path, complete or not at all. Raises OutputError if a path cannot be written."""
    written: dict[Path, Path] = {}
    try:
        for path, model in models.items():
            if path.resolve() == source.resolve():
                raise OutputError(f"{path} is the model itself, which stays as it is. Give another file with -o.")
            if path.suffix != ".onnx":
                raise OutputError(f"{path} does not end in .onnx. Give a file name that does with -o.")
            written[path] = path.with_name(f".{path.name}.part")
            _write(model, path, written[path])
        for path, temporary in written.items():
            temporary.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}. Choose another place with -o.") from error
    finally:
        for temporary in written.values():
            with contextlib.suppress(OSError):  # where nothing could be written there is nothing to remove
                temporary.unlink()


def to_bytes(model: ir.Model) -> bytes | tuple[bytes, dict[str, np.ndarray]]:
    """The model as a file would hold it; its weights apart, by name, where no file would hold them."""
    if not _weighs_too_much(model):
        return _serialised(model)
    heavy = {v.name: v for v in model.graph.initializers.values() if v.const_value.nbytes > BESIDE}
    tensors = {name: value.const_value for name, value in heavy.items()}
    try:
        for name, value in heavy.items():
            tensor = tensors[name]
            value.const_value = ir.ExternalTensor(
                "apart", 0, tensor.nbytes, tensor.dtype, shape=tensor.shape, name=name
            )
        return _serialised(model), {name: tensor.numpy() for name, tensor in tensors.items()}
    finally:
        for name, value in heavy.items():
            value.const_value = tensors[name]


def _weighs_too_much(model: ir.Model) -> bool:
    """Whether the weights exceed what one protobuf holds, or lie in a file of their own because they did."""
    tensors = [value.const_value for value in model.graph.initializers.values()]
    return sum(t.nbytes for t in tensors) >= LARGEST or any(isinstance(t, ir.ExternalTensor) for t in tensors)


def _serialised(model: ir.Model) -> bytes:
    data: bytes = ir.to_proto(model).SerializeToString()
    return data


def _write(model: ir.Model | onnx.ModelProto, path: Path, temporary: Path) -> None:
    """Write one model to `temporary`; heavy weights go to `path`.data at once, as the model names that file."""
    held = model if isinstance(model, ir.Model) else ir.from_proto(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    if _weighs_too_much(held):
        ir.save(held, temporary, external_data=f"{path.name}.data", size_threshold_bytes=BESIDE)
    else:
        temporary.write_bytes(model.SerializeToString() if isinstance(model, onnx.ModelProto) else _serialised(model))
