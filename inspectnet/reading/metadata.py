"""What travels with a model besides its graph: preprocessing and class names.

Both are JSON, in a file beside the model (MODEL.preprocess.json, MODEL.classes.json) or in the model's metadata
(`inspectnet.preprocess`, `inspectnet.classes`); the file beside it wins. What a graph does itself to the image, before
its first layer, is found in its nodes.
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError

from inspectnet.errors import OptionError
from inspectnet.files.inputs import open_regular, read_input
from inspectnet.files.parsing import parse_json
from inspectnet.graph.values import constant_of, extents_of, live_values
from inspectnet.graph.writing import LARGEST, save
from inspectnet.reading.model_file import open_model_file

PREPROCESS, CLASSES, TRAINING = "inspectnet.preprocess", "inspectnet.classes", "inspectnet.training"
SIDECAR = 1 << 24  # bytes: what travels with a model is a page of text
BYTES = 1 / 16  # a graph whose first factor is below this expects pixels of 0..255


def find_metadata(model: ir.Model, path: Path, key: str) -> tuple[Any, str] | None:
    """The decoded JSON that travels with a model under `key`, and where it was found; None if it says nothing.

    Raises OptionError if what is there cannot be read, or is no JSON.
    """
    sidecar = path.with_name(f"{path.stem}.{key.removeprefix('inspectnet.')}.json")
    if os.path.isfile(sidecar):  # not where the name is longer than names may be
        try:
            text = read_input(sidecar, SIDECAR).decode(errors="replace")
        except OSError as error:
            raise OptionError(f"cannot read {sidecar}: {error.strerror}. Mend it, or move it away.") from error
        return _decode(text, str(sidecar)), str(sidecar)
    if key in model.metadata_props:
        where = f"{path} (metadata {key})"
        return _decode(model.metadata_props[key], where), where
    return None


def annotate(
    path: Path,
    properties: Mapping[str, object],
    out: Path,
    *,
    defaults: Mapping[str, object] = MappingProxyType({}),
    force: bool = True,
) -> None:
    """Write the model in `path` with `properties` (JSON values by key) in its metadata to another file, `out`.

    Where `out` is the same model that was annotated before, it keeps what is not said anew; where it is not, `defaults`
    are written too. Weights kept in files of their own go into the new file. force: whether another file may be
    replaced. Raises OutputError if it cannot be written.
    """
    model, _ = open_model_file(path)
    own = {prop.key: prop.value for prop in model.metadata_props}
    del model.metadata_props[:]
    earlier = _annotations(out, model)
    for key, text in {**own, **_texts(defaults), **(earlier or {}), **_texts(properties)}.items():
        model.metadata_props.add(key=key, value=text)
    save({out: model}, force=force or earlier is not None)


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}


def _annotations(path: Path, model: onnx.ModelProto) -> dict[str, str] | None:
    """The metadata of the file in `path` if it holds that model, else None."""
    try:
        with open_regular(path) as file:
            head = onnx.ModelProto.FromString(file.read(LARGEST))
    except (OSError, ValueError, DecodeError):
        return None
    metadata = {prop.key: prop.value for prop in head.metadata_props}
    del head.metadata_props[:]
    return metadata if head == model else None


def read_class_names(path: str | Path) -> list[str]:
    """The class names in a file, in the order of the output: the last of what it calls each class.

    Raises OptionError if there are none.
    """
    return [names[-1] for names in read_class_table(path)]


def read_class_table(path: str | Path) -> list[tuple[str, ...]]:
    """What a file calls each class: a JSON list of names, or lines, with a name in each column of a TSV.

    The lines stand in the order of the output, unless their first column numbers them from 0 on. Raises OptionError
    if there are none.
    """
    path = Path(path)
    try:
        text = read_input(path, SIDECAR).decode()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise OptionError(f"cannot read the class names in {path}: {why}. Check --classes.") from error
    except UnicodeDecodeError as error:
        raise OptionError(f"the class names in {path} are not text in UTF-8. Write one a line.") from error
    if path.suffix == ".json":
        names = _decode(text, str(path))
    else:
        rows = [tuple(cell.strip() for cell in line.split("\t")) for line in text.splitlines() if line.strip()]
        names = [row[-1] for row in rows]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise OptionError(f"{path} holds no class names. Write one a line, or a JSON list of texts.")
    return [(name,) for name in names] if path.suffix == ".json" else _in_order(rows)


def _in_order(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Rows in the order of their numbers, which are dropped, if they have numbers."""
    numbers = {row[0]: row[1:] for row in rows if len(row) > 1}
    order = [str(i) for i in range(len(rows))]
    return [numbers[i] for i in order] if numbers.keys() == set(order) else rows


def baked_range(graph: ir.Graph) -> float | None:
    """The largest pixel value the graph expects, 255 or 1, if it normalises the image itself; None if it does not.

    Such a graph begins with subtractions, additions or scalings by one number, by one per channel or per pixel.
    """
    alive, value = live_values(graph), graph.inputs[0]
    shape = extents_of(value, 1)
    sizes = {1, shape[0], math.prod(shape)}
    offset, factor, normalises = 0.0, 1.0, False
    while len(value.uses()) == 1:
        node = value.consumers()[0]
        numbers = [c for x in node.inputs if x is not None and x not in alive and (c := constant_of(x)) is not None]
        if node.op_type in ("Cast", "Identity"):
            value = node.outputs[0]
            continue
        if node.op_type not in ("Sub", "Add", "Mul", "Div") or len(numbers) != 1 or numbers[0].size not in sizes:
            break
        size = float(np.abs(numbers[0]).max())
        normalises = True
        offset = max(offset, size * factor) if node.op_type in ("Sub", "Add") else offset
        factor *= {"Mul": size, "Div": 1 / size if size else 1.0}.get(node.op_type, 1.0)
        value = node.outputs[0]
    if not normalises:
        return None
    return 255.0 if factor < BYTES or offset > 2 else 1.0


def _decode(text: str, where: str) -> Any:
    try:
        return parse_json(text.encode(errors="replace"))
    except (ValueError, RecursionError) as error:  # the latter for brackets in brackets in brackets
        raise OptionError(f"{where} is not JSON: {error}. Write it again with 'inspectnet annotate'.") from None
