"""Results as JSON: the same text for the same results, short enough to read, and nothing but JSON."""

import dataclasses
import enum
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from inspectnet.errors import OutputError
from inspectnet.report.lines import acts

INDENT = "  "


def json_text(obj: object, path: Path) -> str:
    """The JSON text of results that go into the file `path`, ended by a line break.

    Keys keep their order; lists of plain values stand on one line. Dataclasses become objects, arrays nested lists;
    float32 is written with the fewest digits that give the same float32. OutputError for NaN and infinity.
    """
    return _text(plain(obj, path), "") + "\n"


def plain(obj: object, path: Path, place: str = "") -> object:
    """The same in Python's own numbers, strings, lists and dicts; `place` is where in the file it stands."""
    if isinstance(obj, enum.Enum):
        return plain(obj.value, path, place)
    if obj is None or isinstance(obj, bool | str):
        return str(obj) if isinstance(obj, str) else obj
    if isinstance(obj, np.generic | np.ndarray):
        return plain(_unwrapped(obj), path, place)
    if isinstance(obj, int):
        return int(obj)
    if isinstance(obj, float):
        return _finite(obj, path, place)
    if isinstance(obj, os.PathLike):
        return os.fspath(obj)
    if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
        obj = {field.name: getattr(obj, field.name) for field in dataclasses.fields(obj)}
    if isinstance(obj, Mapping):
        found = {_key(key): plain(value, path, f"{place}.{key}") for key, value in obj.items()}
        assert len(found) == len(obj), f"{path.name}{place}: two keys are the same in JSON"
        return found
    if isinstance(obj, Sequence) and not isinstance(obj, bytes | bytearray):
        return [plain(value, path, f"{place}[{number}]") for number, value in enumerate(obj)]
    raise TypeError(f"{path.name}{place}: a {type(obj).__name__} has no place in JSON")


def _unwrapped(obj: "np.generic | np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> object:
    if obj.dtype in (np.float16, np.float32):
        # str gives the shortest text that reads back as the same number; 0.1, not 0.10000000149011612.
        return np.asarray(obj).astype(str).astype(np.float64).tolist()
    if obj.dtype.kind not in "biufU":
        raise TypeError(f"an array of {obj.dtype} has no place in JSON")
    return obj.tolist()


def _finite(number: float, path: Path, place: str) -> float:
    if not math.isfinite(number):
        what = f"cannot write {path}: {place.lstrip('.') or 'the result'} is {number}, which JSON cannot hold"
        raise OutputError(f"{what}. Look for NaN or infinity in the model's weights.")
    return float(number)


def _key(key: object) -> str:
    assert isinstance(key, str | int | np.integer) and not isinstance(key, bool), f"no key for JSON: {key!r}"
    return str(key)


def _text(value: object, indent: str) -> str:
    deeper = indent + INDENT
    if isinstance(value, dict) and value:
        inside = [f"{deeper}{_string(key)}: {_text(item, deeper)}" for key, item in value.items()]
        return "{\n" + ",\n".join(inside) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, list | dict) for item in value):
        inside = [deeper + _text(item, deeper) for item in value]
        return "[\n" + ",\n".join(inside) + f"\n{indent}]"
    if isinstance(value, list):
        return "[" + ", ".join(_text(item, deeper) for item in value) + "]"
    return _string(value) if isinstance(value, str) else json.dumps(value)


def _string(text: str) -> str:
    told = json.dumps(text, ensure_ascii=False)
    if told.isprintable():
        return told
    # what would act on a terminal; a file name that is not UTF-8 comes from the system as halves of pairs
    return "".join(json.dumps(c)[1:-1] if acts(c) else c for c in told)
