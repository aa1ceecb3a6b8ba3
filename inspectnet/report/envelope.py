"""The envelope: what stands in every result.json around the record of a result."""

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import inspectnet
from inspectnet.errors import OutputError
from inspectnet.report.json_text import json_text
from inspectnet.report.topics import TOPICS, result_type
from inspectnet.results import Provenance, Result, decode, encode, schema_of

FORMAT = 1  # of the envelope; a larger number is a later one, which this version cannot read
ARRAYS = "arrays.npz"
SCHEMA = Path(__file__).with_name("result.schema.json")

Arrays = MutableMapping[str, NDArray[Any]]


def envelope_of(result: Result, arrays: Arrays) -> dict[str, object]:
    """The envelope, ready for JSON; the result's arrays are added to `arrays`.

    Raises OutputError for numbers that are not finite, which JSON cannot hold.
    """
    try:
        record = encode(result, arrays)
    except (ValueError, TypeError, RecursionError) as error:
        what = f"the result cannot be written: {error}, which JSON cannot hold"
        raise OutputError(f"{what}. Look for NaN or infinity in the model's weights.") from None
    assert isinstance(record, dict)
    about = record.pop("about")
    prepared = [model["preprocess"] for model in about["models"]]
    return {
        "format": FORMAT,
        "command": result.command,
        "inspectnet": inspectnet.__version__,
        "models": about["models"],
        "preprocess": prepared[0] if all(one == prepared[0] for one in prepared) else None,
        "images": about["images"],
        "options": about["options"],
        "device": about["device"],
        "versions": about["versions"],
        "result": record,
    }


def envelope_text(result: Result) -> str:
    """The envelope as JSON text, without the arrays."""
    return json_text(envelope_of(result, {}))


def result_of(envelope: Mapping[str, object], arrays: Mapping[str, NDArray[np.generic]]) -> Result:
    """The result in an envelope. Raises ValueError for one that is not whole, OptionError for an unknown command."""
    if envelope.get("format") != FORMAT:
        raise ValueError(f"it has the format {envelope.get('format')!r}, not {FORMAT}")
    kind = result_type(str(envelope.get("command")))
    record, about = envelope.get("result"), {name: envelope.get(name) for name in _members(Provenance)}
    if not isinstance(record, dict):
        raise ValueError("it holds no result")
    result = decode({**record, "about": about}, kind, arrays)
    assert isinstance(result, Result)
    return result


def schema() -> dict[str, object]:
    """The JSON Schema of every result.json: the envelope, and the record of each command."""
    definitions: dict[str, Any] = {}
    about = schema_of(Provenance, definitions)["$ref"].rpartition("/")[2]
    members = definitions.pop(about)["properties"]
    text: dict[str, Any] = {"type": "string"}
    records = []
    for command in TOPICS:
        name = schema_of(result_type(command), definitions)["$ref"].rpartition("/")[2]
        own = definitions[name]
        own["properties"].pop("about")
        own["required"].remove("about")
        properties = {"command": {"const": command}, "result": {"$ref": f"#/$defs/{name}"}}
        records.append({"properties": properties})
    definitions.pop(about, None)
    whole: dict[str, Any] = {
        "format": {"const": FORMAT},
        "command": {"enum": list(TOPICS)},
        "inspectnet": text,
        **members,
        "preprocess": {"type": ["object", "null"]},
        "result": {"type": "object"},
        "run": {"type": "object"},
        "files": {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
    }
    required = [name for name in whole if name not in ("run", "files")]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A result of inspectnet",
        "type": "object",
        "properties": whole,
        "required": required,
        "additionalProperties": False,
        "oneOf": records,
        "$defs": dict(sorted(definitions.items())),
    }


def _members(kind: Any) -> list[str]:
    return list(kind.__dataclass_fields__)
