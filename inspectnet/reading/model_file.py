"""A model file: its bytes as a protobuf, with the weights that lie beside it."""

import hashlib
import os
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from inspectnet.errors import ModelError
from inspectnet.files.inputs import open_input
from inspectnet.reading.external import load_external

PART = 1 << 24  # bytes that are hashed at once, as a file may be larger than the memory
LONGEST = 1 << 31  # bytes: no protobuf is as large


def open_model_file(path: Path) -> tuple[onnx.ModelProto, str]:
    """The model in `path`, and the sha256 of its bytes and those of its external data, in the order of their names.

    Raises ModelError if it is missing, no regular file, not ONNX, cut short, or reaches out of its folder.
    """
    data = _bytes_of(path)
    proto, digest = _parse(data, path), hashlib.sha256(data)
    for file in load_external(proto, path):
        with open_input(file) as opened:
            while part := opened.read(PART):
                digest.update(part)
    return proto, digest.hexdigest()


def _bytes_of(path: Path) -> bytes:
    try:
        with open_input(path) as file:
            if os.fstat(file.fileno()).st_size >= LONGEST:
                raise ModelError(f"{path} holds {LONGEST >> 30} GiB or more. Export it with its weights beside it.")
            return file.read()
    except FileNotFoundError:
        raise ModelError(f"there is no file {path}. Give the path of an .onnx file.") from None
    except (OSError, ValueError) as error:  # the latter for a path with a zero byte
        why = getattr(error, "strerror", None) or error
        raise ModelError(f"cannot read {path}: {why}. Give the path of an .onnx file.") from None


def _parse(data: bytes, path: Path) -> onnx.ModelProto:
    """The protobuf of `data`; the graph's own bytes must be all there."""
    if not data:
        raise ModelError(f"{path} is empty (0 bytes). Export or copy it again.")
    try:
        proto = onnx.load_model_from_string(data)
    except DecodeError:
        raise ModelError(f"{path} is not an ONNX model, or was cut short. Export or copy it again.") from None
    if not proto.graph.node:
        raise ModelError(f"{path} holds no graph of operators. Is it an ONNX model?")
    if proto.graph.sparse_initializer:
        raise ModelError(f"{path} keeps sparse weights, which are not read. Export it with dense ones.")
    return proto
