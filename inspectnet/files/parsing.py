"""Text that anybody may have written: JSON, weighed before it is made into objects, and numbers.

Brackets and commas alone become some forty times their bytes.
"""

import json
from typing import Any

MOST = 1 << 30  # bytes of all objects together
WEIGHTS = {b"[": 96, b"{": 240, b",": 80, b":": 120}
"""Bytes that a list, an object, a further value and a further key take at the most, beside their own letters."""


def parse_json(data: bytes) -> Any:
    """What JSON says. Raises ValueError for what is none or would take more than MOST, RecursionError."""
    if (needed := weigh(data)) > MOST:
        raise ValueError(f"it would take {needed / (1 << 30):.1f} GiB of memory")
    return json.loads(data, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def weigh(data: bytes) -> int:
    """Bytes that what JSON says takes at the most, while it is read too."""
    letters = len(data) * (2 if data.isascii() else 5)  # if one is wide, all are
    return letters + sum(data.count(sign) * weight for sign, weight in WEIGHTS.items())


def whole_number(text: str) -> int | None:
    """The number that plain digits mean; None for any other text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
