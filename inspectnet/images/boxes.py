"""Boxes of objects: x0, y0, x1, y1 in pixels, x1 and y1 outside, as COCO's tools and Pillow count them.

A file of boxes may say `"corners": "inside"`: then x1 and y1 are the last column and row of each box, as in Tiny
ImageNet's lists.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import InspectError, OptionError
from inspectnet.files.inputs import read_input
from inspectnet.files.parsing import parse_json
from inspectnet.geometry import Box

CORNERS = "corners"
BEYOND = {"outside": 0, "inside": 1}  # how far a file's x1 and y1 are from the first column and row outside
SHAPE = '{"photo.jpg": [x0, y0, x1, y1]}, or groups of such'


def read_marks(file: Path, refusal: type[InspectError], check: str, write: str) -> Any:
    """What a JSON file of boxes or parts says. Raises `refusal`, which ends with `check` or with how to `write` it."""
    try:
        return parse_json(read_input(file))
    except OSError as error:
        raise refusal(f"cannot read {file}: {(error.strerror or str(error)).lower()}. {check}") from error
    except (ValueError, RecursionError) as error:
        raise refusal(f"{file} is not JSON: {error}. {write}") from error


def read_boxes(file: Path) -> dict[str, Box]:
    """By image the box that a JSON file gives it, alone or in a group. Raises OptionError."""
    content = read_marks(file, OptionError, "Check --boxes.", f"Write {SHAPE}.")
    refusal = OptionError(f"{file} does not hold boxes. Write {SHAPE}.")
    if not isinstance(content, dict):
        raise refusal
    beyond = corners_beyond(content, file)
    rest = {key: value for key, value in content.items() if key != CORNERS or not isinstance(value, str)}
    grouped = bool(rest) and all(isinstance(value, dict) for value in rest.values())
    boxes = dict[str, Box]()
    for group in rest.values() if grouped else [rest]:
        for image, numbers in group.items():
            if (box := box_of(numbers, beyond)) is None:
                raise refusal
            boxes[image] = box
    return boxes


def find_box(boxes: Mapping[str, Box], image: str) -> Box | None:
    """The box of an image, by its name or what is left of it without the folders it lies in."""
    parts = PurePosixPath(image).parts
    names = ("/".join(parts[i:]) for i in range(len(parts)))
    return next((boxes[name] for name in names if name in boxes), None)


def corners_beyond(content: Mapping[str, object], where: object) -> int:
    """What is added to x1 and y1 in a JSON file, which may say it under `corners`. Raises OptionError."""
    said = content.get(CORNERS, "outside")
    if not isinstance(said, str):  # a photo of that name
        return 0
    if said not in BEYOND:
        raise OptionError(f"{where}: corners '{said}' are neither inside nor outside. Say where x1, y1 of a box lie.")
    return BEYOND[said]


def box_of(numbers: object, beyond: int) -> Box | None:
    """The box that four whole numbers in JSON mean; None if they are something else."""
    if not isinstance(numbers, list) or len(numbers) != 4 or any(type(n) is not int for n in numbers):
        return None
    x0, y0, x1, y1 = numbers
    return Box(x0, y0, x1 + beyond, y1 + beyond)


def fill_box(box: Box, size: tuple[int, ...]) -> NDArray[np.bool_]:
    """(h, w): which pixels of a photo of `size` (h, w) lie in a box. Raises OptionError if it does not lie in it."""
    if not box.lies_in(size):
        why = f"does not lie in the photo, which has {size[1]} x {size[0]} pixels"
        how = 'Give x0, y0, x1, y1, the last two outside, or say "corners": "inside" in the file'
        raise OptionError(f"the box {list(box)} {why}. {how}.")
    inside = np.zeros(size, bool)
    inside[box.slices] = True
    return inside
