"""A result as JSON and arrays, and back.

Dataclasses become objects, tuples lists. An array stands in the record as {"array": key, "shape": ..., "dtype": ...}
and in the arrays under that key, its path through the record: "sweeps.translate.probability".
"""

import dataclasses
import math
import types
from collections.abc import Mapping, MutableMapping
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from inspectnet.results.derived import derived_types

Array = NDArray[Any]


def encode(value: object, arrays: MutableMapping[str, Array], path: str = "") -> object:
    """The JSON of a result or a part of it; its arrays are added to `arrays`.

    Raises ValueError, which names the place, for a number that is not finite: JSON has none.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{path} is {value}")
        return float(value)
    if isinstance(value, np.ndarray):
        arrays[path] = value
        return {"array": path, "shape": list(value.shape), "dtype": str(value.dtype)}
    if isinstance(value, tuple | list):
        return [encode(item, arrays, join(path, str(number))) for number, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {name: encode(item, arrays, join(path, name)) for name, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [*(field.name for field in dataclasses.fields(value)), *derived_types(type(value))]
        return {name: encode(getattr(value, name), arrays, join(path, name)) for name in names}
    raise TypeError(f"{path}: a {type(value).__name__} has no place in a record")


def decode(record: object, kind: Any, arrays: Mapping[str, Array], path: str = "") -> Any:
    """The value of type `kind` that `encode` made the record and the arrays of.

    Raises ValueError, which names the place, for a record that holds anything else.
    """
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _decode_union(record, get_args(kind), arrays, path)
    if origin is np.ndarray or kind is np.ndarray:
        return _decode_array(record, arrays, path)
    if isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return kind(*_decode_items(record, list(get_type_hints(kind).values()), arrays, path))
    if origin is tuple:
        wanted = get_args(kind)
        items = [wanted[0]] * len(_list(record, path)) if wanted[-1] is ... else list(wanted)
        return tuple(_decode_items(record, items, arrays, path))
    if origin is not None and issubclass(origin, Mapping):
        item = get_args(kind)[1]
        return {name: decode(part, item, arrays, join(path, name)) for name, part in _object(record, path).items()}
    if dataclasses.is_dataclass(kind):
        return _decode_fields(_object(record, path), kind, arrays, path)
    return _decode_plain(record, kind, path)


def fields_of(kind: Any) -> dict[str, Any]:
    """By name, the types of the fields of a dataclass."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _decode_plain(record: object, kind: Any, path: str) -> object:
    if kind is object or kind is Any or isinstance(kind, TypeVar):  # the latter who asks for it decodes
        return record
    if kind is float and isinstance(record, int | float) and not isinstance(record, bool):
        return float(record)
    if type(record) is not (type(None) if kind is None else kind):
        raise ValueError(f"{path or 'the record'} is no {getattr(kind, '__name__', kind)}")
    return record


def _decode_fields(record: Mapping[str, object], kind: Any, arrays: Mapping[str, Array], path: str) -> object:
    wanted = fields_of(kind)
    if missing := [name for name in wanted if name not in record]:
        raise ValueError(f"{join(path, missing[0])} is missing")
    return kind(**{name: decode(record[name], hint, arrays, join(path, name)) for name, hint in wanted.items()})


def _decode_union(record: object, kinds: tuple[Any, ...], arrays: Mapping[str, Array], path: str) -> object:
    if record is None and type(None) in kinds:
        return None
    others = [kind for kind in kinds if kind is not type(None)]
    for kind in others[:-1]:
        try:
            return decode(record, kind, arrays, path)
        except ValueError:
            continue
    return decode(record, others[-1], arrays, path)


def _decode_items(record: object, kinds: list[Any], arrays: Mapping[str, Array], path: str) -> list[Any]:
    items = _list(record, path)
    if len(items) != len(kinds):
        raise ValueError(f"{path} has {len(items)} items, not {len(kinds)}")
    return [decode(item, kind, arrays, join(path, str(n))) for n, (item, kind) in enumerate(zip(items, kinds))]  # noqa: B905


def _decode_array(record: object, arrays: Mapping[str, Array], path: str) -> Array:
    entry = _object(record, path)
    key = entry.get("array")
    if not isinstance(key, str) or key not in arrays:
        raise ValueError(f"{path}: there is no array {key!r}")
    array = arrays[key]
    if (list(array.shape), str(array.dtype)) != (entry.get("shape"), entry.get("dtype")):
        raise ValueError(f"{path}: the array {key} is another than the record says")
    return array


def _list(record: object, path: str) -> list[object]:
    if not isinstance(record, list):
        raise ValueError(f"{path or 'the record'} is no list")
    return record


def _object(record: object, path: str) -> dict[str, object]:
    if not isinstance(record, dict):
        raise ValueError(f"{path or 'the record'} is no object")
    return record


def join(path: str, name: str) -> str:
    """The path of a part."""
    return f"{path}.{name}" if path else name
