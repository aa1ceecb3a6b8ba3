"""What an analysis takes for images: a collection, a path that leads to one, or photos in memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeGuard

import numpy as np

from inspectnet.errors import ImageError
from inspectnet.images import Collection, find_images, hold_images, join
from inspectnet.images.fit import Pixels

Source = str | Path | Collection | Sequence[Pixels]
"""A photo, a folder, a .txt or .csv list or a .tar; images that `find_images` has found; or uint8 arrays [h, w, 3]."""


Sources = Source | Sequence[Source]
"""One source or several."""


def collection_of(images: Sources) -> Collection:
    """The images of one source, in their order, or of several, sorted. Raises ImageError."""
    return join([_collection_of(source) for source in sources_of(images)])


def _collection_of(source: Source) -> Collection:
    if isinstance(source, Collection):
        return source
    return find_images(Path(source)) if isinstance(source, str | Path) else hold_images(source)


def are_pixels(images: object) -> TypeGuard[Sequence[Pixels]]:
    """Whether images are photos in memory, and not sources."""
    return isinstance(images, np.ndarray) or (
        isinstance(images, Sequence) and bool(images) and all(isinstance(image, np.ndarray) for image in images)
    )


def sources_of(images: Sources) -> list[Source]:
    """One source or several as a list, the photos in memory among them as one. Raises ImageError for none."""
    if isinstance(images, str | Path | Collection) or are_pixels(images):
        return [images]
    if not images:
        raise ImageError("there are no images. Give a photo, a folder or a list of them.")
    photos = [image for image in images if isinstance(image, np.ndarray)]
    sources: list[Source] = [source for source in images if not isinstance(source, np.ndarray)]
    return [*sources, photos] if photos else sources
