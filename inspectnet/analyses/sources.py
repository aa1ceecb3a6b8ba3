"""What an analysis takes for images: a collection, or a path that leads to one."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inspectnet.errors import ImageError
from inspectnet.images import Collection, find_images
from inspectnet.images.fit import Pixels

Source = str | Path | Collection
"""A photo, a folder, a .txt or .csv list or a .tar; or images that `find_images` has found."""


def collection_of(source: Source) -> Collection:
    """The images of a source, in their order. Raises ImageError."""
    return source if isinstance(source, Collection) else find_images(Path(source))


def are_pixels(images: object) -> bool:
    """Whether images are given as pixels, uint8 [h, w, 3] each, and not as sources."""
    return isinstance(images, np.ndarray) or (
        isinstance(images, Sequence) and bool(images) and all(isinstance(image, np.ndarray) for image in images)
    )


def sources_of(images: Source | Sequence[Source]) -> list[Source]:
    """One source or several as a list. Raises ImageError for none."""
    sources = [images] if isinstance(images, str | Path | Collection) else list(images)
    if not sources:
        raise ImageError("there are no images. Give a photo, a folder or a list of them.")
    return sources


def pixels_of(images: Sequence[Pixels]) -> list[Pixels]:
    """Photos in memory. Raises ImageError for what is no uint8 [h, w, 3]."""
    for photo in images:
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or 0 in photo.shape:
            raise ImageError(f"a photo is uint8 [h, w, 3], not {photo.dtype} {list(photo.shape)}.")
    return list(images)
