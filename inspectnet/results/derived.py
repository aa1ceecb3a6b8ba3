"""Derived numbers: computed from the fields of a result, once, and written to its record beside them.

A record that is loaded holds the fields; the numbers derived from them are computed again, and are the same.
"""

import functools
from typing import TypeVar, get_type_hints

T = TypeVar("T")


class derived(functools.cached_property[T]):
    """A property of a frozen dataclass that is computed once and stands in the record under its own name."""


def derived_types(cls: type) -> dict[str, object]:
    """By name, the types of the numbers that a class derives from its fields, base classes first."""
    members: dict[str, derived[object]] = {}
    for base in reversed(cls.__mro__):
        members |= {name: member for name, member in vars(base).items() if isinstance(member, derived)}
    return {name: get_type_hints(member.func)["return"] for name, member in members.items()}
