"""JSON as text: the same text for the same record, short enough to read."""

import json

from inspectnet.report.lines import acts

INDENT = "  "


def json_text(record: object) -> str:
    """The text of a record of JSON's own kinds, ended by a line break.

    Keys keep their order; lists of plain values stand on one line. Raises ValueError for NaN and infinity, TypeError
    for what has no place in JSON.
    """
    return _text(record, "") + "\n"


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
    return _string(value) if isinstance(value, str) else json.dumps(value, allow_nan=False)


def _string(text: str) -> str:
    told = json.dumps(text, ensure_ascii=False)
    if told.isprintable():
        return told
    # what would act on a terminal; a file name that is not UTF-8 comes from the system as halves of pairs
    return "".join(json.dumps(c)[1:-1] if acts(c) else c for c in told)
