"""Parts of photos that somebody marked, as boxes or masks: read from JSON, and brought to the network's pixels."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inspectnet.errors import ImageError, OptionError
from inspectnet.files.inputs import read_input
from inspectnet.geometry import Box
from inspectnet.images.boxes import box_of, corners_beyond, fill_box, read_marks
from inspectnet.images.decode import decode
from inspectnet.images.fit import Pixels, fit
from inspectnet.images.prepare import Preparation, Prepared

FORM = 'Write {"images": [{"image": "dog.jpg", "parts": {"nose": [x0, y0, x1, y1]}}]}'
LEVEL = 128  # from which a pixel of a mask, or of a mask that was resized, belongs to the part


@dataclass(frozen=True)
class Marked:
    """One photo and the places of its parts."""

    path: Path
    parts: dict[str, Box | Path]
    """By name a box in pixels of the upright photo, or the file of a mask."""


@dataclass(frozen=True)
class MarkedPhotos:
    """Prepared photos, and which of their pixels belong to which part."""

    ids: tuple[str, ...]
    parts: tuple[str, ...]
    x: Prepared
    """(N, C, H, W), or (N, H, W, C) as the preparation has it."""
    masks: np.ndarray
    """(parts, N, H, W) bool."""
    digest: str
    """sha256 over the bytes of the photos and their masks."""


def read_parts(file: Path, folder: Path | None = None) -> list[Marked]:
    """The photos that the JSON `file` marks parts of, in its order; paths are meant from `folder`, else from the file.

    Every photo has to have the same parts, and to be there once. Raises ImageError, OptionError.
    """
    content = read_marks(file, ImageError, "Check the path.", f"{FORM}.")
    entries = content.get("images") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        raise ImageError(f"{file} lists no images. {FORM}.")
    beyond, home = corners_beyond(content, file), folder or file.parent
    marked = [_marked(entry, f"{file}, image {i}", home, beyond) for i, entry in enumerate(entries)]
    paths = [photo.path for photo in marked]
    if twice := [path.name for path in dict.fromkeys(paths) if paths.count(path) > 1]:
        raise ImageError(f"{file} lists {', '.join(twice)} more than once. Mark the parts of different photos.")
    for photo in marked[1:]:
        if odd := set(photo.parts) ^ set(marked[0].parts):
            what = f"{photo.path.name} and {marked[0].path.name} do not have the same parts: {', '.join(sorted(odd))}"
            raise ImageError(f"{file}: {what} in one only. Mark all parts in all photos.")
    return marked


def prepare_parts(marked: list[Marked], preparation: Preparation) -> MarkedPhotos:
    """The photos as the network wants them, and their parts resized and cropped in the same way.

    Raises ImageError for a photo or mask that cannot be read, and a part that lies outside of its photo or of what
    the network sees of it.
    """
    names, sha256 = tuple(marked[0].parts), hashlib.sha256()
    x = np.empty((len(marked), *preparation.shape), np.float32)
    masks = np.empty((len(names), len(marked), *preparation.input_size[1:]), bool)
    for row, photo in enumerate(marked):
        pixels = _load(photo.path, sha256)
        preparation.apply(pixels, x[row])
        for part, name in enumerate(names):
            where = f"the part '{name}' of {photo.path.name}"
            mask = _whole_mask(photo.parts[name], pixels.shape[:2], where, sha256)
            masks[part, row] = _fitted(mask, preparation)
            if not masks[part, row].any():
                why = f"resized and cropped to {preparation.input_size[1:]}, nothing of it is left"
                raise ImageError(f"the network does not see {where}: {why}. Choose another photo, or --crop-pct 1.")
    return MarkedPhotos(tuple(photo.path.name for photo in marked), names, x, masks, sha256.hexdigest())


def _marked(entry: Any, where: str, folder: Path, beyond: int) -> Marked:
    """One entry of the list, checked."""
    known = isinstance(entry, dict) and isinstance(entry.get("image"), str) and isinstance(entry.get("parts"), dict)
    if not known or not entry["parts"]:
        raise ImageError(f"{where} names no image, or none of its parts. {FORM}.")
    parts: dict[str, Box | Path] = {}
    for name, place in entry["parts"].items():
        if isinstance(place, str) and place:
            parts[name] = folder / place
        elif box := box_of(place, beyond):
            parts[name] = box
        else:
            raise ImageError(
                f"{where}: '{name}' is neither [x0, y0, x1, y1] in whole pixels nor a mask's file. {FORM}."
            )
    return Marked(folder / entry["image"], parts)


def _whole_mask(place: Box | Path, size: tuple[int, ...], where: str, sha256: Any) -> np.ndarray:
    """Which pixels of a photo (h, w) belong to a part."""
    if isinstance(place, Path):
        mask = np.asarray(_load(place, sha256).max(axis=2) >= LEVEL)
        if mask.shape != size:
            shapes = f"{mask.shape[1]} x {mask.shape[0]} pixels, the photo {size[1]} x {size[0]}"
            raise ImageError(f"the mask of {where} has {shapes}. Draw it in the photo's size.")
        if not mask.any():
            raise ImageError(f"the mask of {where} is black all over. Draw the part in white.")
        return mask
    try:
        return fill_box(place, size)
    except OptionError as error:
        raise ImageError(f"{where}: {error}") from error


def _fitted(mask: np.ndarray, preparation: Preparation) -> np.ndarray:
    """The mask (H, W) of what the network sees: it takes the way of the photo, with nothing around it."""
    how = preparation.interpolation, preparation.crop_pct, preparation.crop_mode
    pixels: Pixels = mask[:, :, None].astype(np.uint8) * np.uint8(255)
    fitted: np.ndarray = fit(pixels, preparation.input_size[1:], *how, np.zeros(1, np.uint8))[:, :, 0] >= LEVEL
    return fitted


def _load(path: Path, sha256: Any) -> Pixels:
    try:
        data = read_input(path)
    except OSError as error:
        what = f"cannot read {path}: {(error.strerror or str(error)).lower()}"
        raise ImageError(f"{what}. Say with --images where the photos are.") from error
    sha256.update(hashlib.sha256(data).digest())
    return decode(data, str(path))
