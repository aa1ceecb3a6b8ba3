"""JSON Schema (draft 2020-12) of the records that `encode` makes, from the types of the dataclasses."""

import dataclasses
import inspect
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from inspectnet.results.derived import derived_types
from inspectnet.results.record import fields_of

Schema = dict[str, Any]
PLAIN: dict[Any, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    type(None): {"type": "null"},
    object: {},
    Any: {},
}
ARRAY: Schema = {
    "type": "object",
    "properties": {
        "array": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "dtype": {"type": "string"},
    },
    "required": ["array", "shape", "dtype"],
    "additionalProperties": False,
}


def schema_of(kind: Any, definitions: dict[str, Schema]) -> Schema:
    """The schema of values of a type; those of its dataclasses are added to `definitions`, by name."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema_of(part, definitions) for part in inner]}
    if origin is np.ndarray or kind is np.ndarray:
        definitions["array"] = ARRAY
        return {"$ref": "#/$defs/array"}
    if isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return _fixed(list(get_type_hints(kind).values()), definitions)
    if origin is tuple:
        if inner[-1] is ...:
            return {"type": "array", "items": schema_of(inner[0], definitions)}
        return _fixed(list(inner), definitions)
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": schema_of(inner[1], definitions)}
    if dataclasses.is_dataclass(kind):
        return _object(kind, definitions)
    return dict(PLAIN[kind])


def _fixed(kinds: list[Any], definitions: dict[str, Schema]) -> Schema:
    items = [schema_of(kind, definitions) for kind in kinds]
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


def _object(kind: Any, definitions: dict[str, Schema]) -> Schema:
    name, where = kind.__name__, kind.__module__.rpartition(".")[2]
    assert definitions.get(name, {}).get("$comment", where) == where, f"two results of one name: {name}"
    if name not in definitions:
        definitions[name] = {"$comment": where}  # so that a type that holds itself ends
        members = fields_of(kind) | derived_types(kind)
        definitions[name] = {
            "type": "object",
            "$comment": where,
            "description": (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " "),
            "properties": {member: schema_of(hint, definitions) for member, hint in members.items()},
            "required": list(members),
            "additionalProperties": False,
        }
    return {"$ref": f"#/$defs/{name}"}
