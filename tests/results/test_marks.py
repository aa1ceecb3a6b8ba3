"""Marks: fields that belong together are held to it, with the place, whatever somebody has made of a record."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import pytest

from inspectnet.results import Axes, Below
from inspectnet.results.marks import refuse_misfits


@dataclass(frozen=True)
class Part:
    best: Annotated[int, Below("classes")]
    curve: Annotated[np.ndarray, Axes("steps | maps steps", "float64")]
    open: Annotated[np.ndarray, Axes("steps+1", nan=True)] | None = None


@dataclass(frozen=True)
class Whole:
    parts: Annotated[tuple[Part, ...], Axes("parts+")]
    count: Annotated[int, Axes("parts")]
    classes: Annotated[tuple[str, ...], Axes("classes")]
    scores: Annotated[Mapping[str, float], Axes("classes")]
    others: Annotated[Mapping[str, float], Axes("classes")]
    options: Mapping[str, object]


def whole(**other):
    parts = Part(1, np.zeros(3)), Part(0, np.zeros((2, 5)), np.full(6, np.nan))  # each with steps of its own
    scores = {"a": 0.0, "b": 1.0}
    return Whole(**{"parts": parts, "count": 2, "classes": ("a", "b"), "scores": scores, "others": scores,
                    "options": {"seed": 10**30}} | other)  # fmt: skip


def test_what_fits_together_is_let_through():
    refuse_misfits(whole(), Whole)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"parts": ()}, "parts has 0 parts, not one or more"),
        ({"count": 3}, "count has 3 parts, not 2"),
        ({"classes": ("a",)}, "scores has 2 classes, not 1"),
        ({"others": {"a": 0.0, "c": 0.0}}, "others is by a, c, not by"),
        ({"scores": {"a": float("nan"), "b": 0.0}}, "scores.a is nan"),
        ({"count": 10**30, "parts": (Part(0, np.zeros(1)),)}, f"count has {10**30} parts, not 1"),
    ],
)
def test_what_does_not_is_refused_with_its_place(other, message):
    with pytest.raises(ValueError, match=message):
        refuse_misfits(whole(**other), Whole)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"best": 2}, r"parts\.0\.best is beyond the 2 classes"),
        ({"best": -1}, r"parts\.0\.best is beyond the 2 classes"),
        ({"curve": np.zeros(3, np.float32)}, r"parts\.0\.curve holds float32, not float64"),
        ({"curve": np.zeros((1, 2, 3))}, r"parts\.0\.curve has 3 axes, not steps"),
        ({"curve": np.full(3, np.inf)}, r"parts\.0\.curve holds NaN or infinity"),
        ({"open": np.zeros(3)}, r"parts\.0\.open has 3 steps, not 4"),
    ],
)
def test_parts_are_held_to_the_axes_of_the_whole_and_to_their_own(other, message):
    with pytest.raises(ValueError, match=message):
        refuse_misfits(whole(parts=(replace(whole().parts[0], **other), whole().parts[1])), Whole)
