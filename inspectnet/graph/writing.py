"""Writing models: all files of a result or none, and never over the model they were made from."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

import onnx
import onnx_ir as ir

from inspectnet.errors import OutputError

LARGEST = 2_000_000_000  # bytes: protobuf holds no more in one file; larger weights go into a file beside it


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


def to_bytes(model: ir.Model) -> bytes:
    """The model as a file would hold it."""
    data: bytes = ir.to_proto(model).SerializeToString()
    return data


def _write(model: ir.Model | onnx.ModelProto, path: Path, temporary: Path) -> None:
    """Write one model to `temporary`; heavy weights go to `path`.data at once, as the model names that file."""
    proto = ir.to_proto(model) if isinstance(model, ir.Model) else model
    path.parent.mkdir(parents=True, exist_ok=True)
    if proto.ByteSize() < LARGEST:
        temporary.write_bytes(proto.SerializeToString())
    else:
        onnx.save_model(proto, str(temporary), save_as_external_data=True, location=f"{path.name}.data")
