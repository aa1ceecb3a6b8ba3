"""External data: weights in files beside the model.

A model is not to be trusted: `load_external` brings into it, or points to a checked place in a checked file, every
tensor in any of its fields. Nothing after that follows what a file says.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnx_ir as ir
from google.protobuf.message import Message

from inspectnet.errors import ModelError
from inspectnet.files.inputs import open_input
from inspectnet.graph.writing import LARGEST
from inspectnet.reading.upgrade import HEAVY

MOST_USES = 4  # of the bytes of data files, on average: tied weights may share theirs
LEAST_USE = 1 / 16  # of the bytes of data files of more than LARGEST, which are read whole for the hash


@dataclass(frozen=True)
class _Place:
    """Where the numbers of a tensor lie."""

    file: Path
    offset: int
    size: int
    """Bytes."""


def load_external(proto: onnx.ModelProto, path: Path) -> list[Path]:
    """Bring the weights that lie beside the model in `path` into it, in place; gives their files, ordered by name.

    If they are more than a protobuf holds, the large ones stay where they are, to be mapped into memory.
    Raises ModelError for a file outside the model's folder, links followed, a missing one, or one cut short.
    """
    external = [tensor for tensor in _tensors(proto) if tensor.data_location == onnx.TensorProto.EXTERNAL]
    places = [_place_of(tensor, path) for tensor in external]
    files = {place.file: place.file.stat().st_size for place in places}
    needed, held = sum(place.size for place in places), sum(files.values())
    if needed > MOST_USES * held or (held > LARGEST and needed < LEAST_USE * held):
        raise ModelError(f"{path} takes {needed} bytes of weights from files of {held}. Export the model again.")
    for tensor, place in zip(external, places, strict=True):
        tensor.ClearField("external_data")
        if needed >= LARGEST and math.prod(tensor.dims) > HEAVY:
            entries = {"location": str(place.file), "offset": str(place.offset), "length": str(place.size)}
            for key, value in entries.items():
                tensor.external_data.add(key=key, value=value)
        else:
            tensor.data_location = onnx.TensorProto.DEFAULT
            tensor.raw_data = _bytes_at(place)
    return sorted(files, key=str)


def _tensors(message: Message) -> Iterator[onnx.TensorProto]:
    """Every tensor in any field of a protobuf, at any depth: those that a later ONNX adds as well."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for part in (value,) if isinstance(value, Message) else value:
            if isinstance(part, onnx.TensorProto):
                yield part
            else:
                yield from _tensors(part)


def _place_of(tensor: onnx.TensorProto, path: Path) -> _Place:
    """Where the numbers of an external tensor lie; there is as much as its shape says."""
    said = {entry.key: entry.value for entry in tensor.external_data}
    file = _file_of(said.get("location", ""), path)
    whole = all(said.get(key, "0").isdecimal() for key in ("offset", "length"))
    if not whole or any(extent < 0 for extent in tensor.dims) or tensor.data_type == onnx.TensorProto.STRING:
        raise ModelError(f"{path}: it is not clear which bytes of '{file.name}' are '{tensor.name}'. Export it again.")
    size = math.ceil(math.prod(tensor.dims) * ir.DataType(tensor.data_type).bitwidth / 8)
    offset, length = int(said.get("offset", "0")), int(said.get("length", size))
    if length < size or offset + size > file.stat().st_size:
        raise ModelError(
            f"{path}: '{file.name}' ends before the weight '{tensor.name}'. Copy it beside the model again."
        )
    return _Place(file, offset, size)


def _file_of(name: str, path: Path) -> Path:
    """The file of that name beside the model in `path`, or beside what this links to, as in a cache of downloads."""
    folders = [os.path.realpath(path.parent), os.path.dirname(os.path.realpath(path))]
    try:
        file = Path(os.path.realpath(os.path.join(folders[0], name)))
        there = file.is_file()
    except (OSError, ValueError):  # too long, or holding a zero byte
        there, file = False, Path(folders[0])
    if os.path.isabs(name) or not any(file.is_relative_to(folder) for folder in folders):
        raise ModelError(f"{path} keeps weights outside its folder, in '{name}'. Save it with its data beside it.")
    if not there:
        raise ModelError(f"{path} keeps weights in '{name}', which is missing. Copy it beside the model.")
    return file


def _bytes_at(place: _Place) -> bytes:
    with open_input(place.file) as file:
        file.seek(place.offset)
        return file.read(place.size)
