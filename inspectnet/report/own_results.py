"""Images beside which results may lie that are none of them."""

import glob
from pathlib import Path

from inspectnet.errors import ImageError
from inspectnet.files.staging import PREFIX
from inspectnet.images import Collection, find_images
from inspectnet.images.kinds import is_image
from inspectnet.report.folder import RECORD


def find_images_among_results(images: Path, out: Path | None, default: Path | None) -> Collection:
    """The images, without results that lie among them in `out`, `out`-2 ... or, where none is said, in `default`.

    Raises ImageError, also where results would be taken for images, or images for results.
    """
    if out and images.is_dir() and images.resolve() == out.resolve():
        raise ImageError(f"results in {out} would be taken for images the next time. Choose another --out.")
    inside = out and images.is_dir() and out.is_dir() and out.resolve().is_relative_to(images.resolve())
    if out and inside and _holds_photos(out):
        raise ImageError(f"{out} holds photos, and a folder for results is not looked into. Choose another --out.")
    results = out or default
    numbered = results.parent.glob(f"{glob.escape(results.name)}-[0-9]*") if results else []
    others = [path for path in numbered if path.name.rpartition("-")[2].isdecimal()]
    return find_images(images, without=[results, *others] if results else [])


def _holds_photos(folder: Path) -> bool:
    """Whether a folder has images in it that are no results, whole or left by a run that was killed."""
    names = [path.name for path in folder.iterdir()]
    results = any(name == RECORD or name.startswith(PREFIX) for name in names)
    return not results and any(map(is_image, names))
