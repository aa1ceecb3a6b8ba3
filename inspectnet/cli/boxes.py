"""Boxes of objects, as a JSON file tells them, found by the images' names and brought to the network's pixels."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from inspectnet.errors import ImageError, OptionError
from inspectnet.files.inputs import read_input
from inspectnet.files.parsing import parse_json

if TYPE_CHECKING:
    import numpy as np

    from inspectnet.geometry import Box
    from inspectnet.images import Collection, Preparation

SHAPE = '{"photo.jpg": [x0, y0, x1, y1]}, or groups of such'


@dataclass(frozen=True)
class Boxes:
    """The box of each image."""

    file: Path | None = None
    by_image: "dict[str, Box]" = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path | None) -> "Boxes":
        """The boxes in a file, none without one. Raises OptionError if it holds something else."""
        if file is None:
            return cls()
        try:
            told = parse_json(read_input(file))
        except OSError as error:
            raise OptionError(
                f"cannot read {file}: {(error.strerror or str(error)).lower()}. Check --boxes."
            ) from error
        except (ValueError, RecursionError) as error:
            raise OptionError(f"{file} is not JSON: {error}. Write {SHAPE}.") from error
        return cls(file, _boxes_in(told, file))

    def masks(self, photos: "Collection", preparation: "Preparation") -> Iterator[tuple[str, "np.ndarray"]]:
        """The id of each photo that has a box, and (H, W) of bool: where its prepared image shows the box.

        Photos that cannot be read have none. Raises OptionError for a box that does not lie in its photo.
        """
        from inspectnet.images import read_photo
        from inspectnet.images.occluder import box_mask

        for i, entry in enumerate(photos):
            if (box := self._find(entry.id)) is None:
                continue
            try:
                height, width = read_photo(photos, i)[1].shape[:2]
                yield entry.id, box_mask(box, (height, width), preparation)
            except ImageError:
                continue
            except OptionError as error:
                raise OptionError(f"{entry.id} in {self.file}: {error}") from error

    def _find(self, id: str) -> "Box | None":
        """By the image's name, or what is left of it without the folders it lies in."""
        parts = PurePosixPath(id).parts
        names = ("/".join(parts[i:]) for i in range(len(parts)))
        return next((self.by_image[name] for name in names if name in self.by_image), None)


def _boxes_in(told: object, file: Path) -> "dict[str, Box]":
    """The boxes by image, of all groups."""
    from inspectnet.images.boxes import CORNERS, box_of, corners_beyond

    refusal = OptionError(f"{file} does not hold boxes. Write {SHAPE}.")
    if not isinstance(told, dict):
        raise refusal
    beyond = corners_beyond(told, file)
    rest = {key: value for key, value in told.items() if key != CORNERS or not isinstance(value, str)}
    grouped = bool(rest) and all(isinstance(value, dict) for value in rest.values())
    found: dict[str, Box] = {}
    for group in rest.values() if grouped else [rest]:
        for image, numbers in group.items():
            if (box := box_of(numbers, beyond)) is None:
                raise refusal
            found[image] = box
    return found
