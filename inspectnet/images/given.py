"""What a user gives for images: paths, photos in memory, collections, or several of these, become a collection."""

import sys
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard, Union

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import ImageError
from inspectnet.images.collection import Collection, hold_images, join
from inspectnet.images.decode import pixels_of_pillow
from inspectnet.images.fit import Pixels
from inspectnet.images.sources import find_images

if TYPE_CHECKING:
    from PIL import Image

Source: TypeAlias = Union[str, Path, Collection, NDArray[Any], "Image.Image"]
"""A photo, a folder, a .txt or .csv list or a .tar; images that `find_images` has found; photos as `photos_of` has."""

Sources = Source | Sequence[Source]
"""One source or several."""

FORMS = "Give (h, w), (h, w, 1), (h, w, 3) or (h, w, 4), its channels first, or a batch of these."


def collection_of(images: Sources) -> Collection:
    """The images of one source, in their order, or of several, sorted. Raises ImageError."""
    return join(collections_of(images))


def collections_of(images: Sources) -> list[Collection]:
    """The images of each source, the photos in memory as one at the end. Raises ImageError."""
    sources = sources_of(images)
    held = [photo for source in sources if in_memory(source) for photo in photos_of(source)]
    collections = [_find(source) for source in sources if not in_memory(source)]
    return [*collections, hold_images(held)] if held else collections


def sources_of(images: Sources) -> list[Source]:
    """One source or several as a list. Raises ImageError for none."""
    if isinstance(images, Iterator | Set):
        images = list(images)
    if not isinstance(images, list | tuple):
        return [images]  # type: ignore[list-item]
    if not images:
        raise ImageError("there are no images. Give a photo, a folder or a list of them.")
    return [source for several in images for source in sources_of(several)]


def in_memory(source: object) -> bool:
    """Whether a source is photos in memory."""
    return not isinstance(source, str | Path | Collection)


def is_pillow(image: object) -> "TypeGuard[Image.Image]":
    """Whether it is an image of Pillow, which is not imported for this."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(image, pillow.Image)


def photos_of(images: object) -> list[Pixels]:
    """Photos in memory as RGB [h, w, 3]: of an image of Pillow, or of a uint8 array of one photo or several.

    Grey becomes three equal channels, alpha is dropped, as it is of files. Channels may come first, as torch has them,
    where the last axis cannot be channels. Raises ImageError for what is no photo, or could be two things.
    """
    if is_pillow(images):
        return [pixels_of_pillow(images, "the image")]
    if images is None or isinstance(images, dict | set | bytes | int | float):
        raise ImageError(f"{images!r} is no image. Give a path, an image of Pillow or a uint8 array.")
    try:
        array = np.asarray(images)
    except (TypeError, ValueError, RuntimeError) as error:  # as of a tensor on another device
        raise ImageError(f"a {type(images).__name__} is no array of pixels: {str(error).splitlines()[0]}") from error
    what = f"{array.dtype} {list(array.shape)}"
    if array.dtype != np.uint8:
        raise ImageError(f"a photo is uint8, 0 to 255, not {what}. Scale and round it, or give its file.")
    if array.ndim not in (2, 3, 4) or 0 in array.shape:
        raise ImageError(f"a photo is uint8 [h, w, 3], not {what}. {FORMS}")
    if array.ndim == 2:
        array = array[:, :, None]
    if array.shape[-1] not in (1, 3, 4):
        if array.shape[-3] not in (1, 3):
            raise ImageError(f"{what} could be photos in several ways. {FORMS}")
        array = np.moveaxis(array, -3, -1)
    rgb = np.broadcast_to(array[..., :3], (*array.shape[:-1], 3))
    return [np.ascontiguousarray(photo) for photo in (rgb if array.ndim == 4 else rgb[None])]


def _find(source: object) -> Collection:
    return source if isinstance(source, Collection) else find_images(Path(source))  # type: ignore[arg-type]
