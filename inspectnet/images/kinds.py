"""Which files are taken for images: those whose names say so. Whether they are, decoding tells."""

IMAGE_SUFFIXES = ("bmp", "gif", "jpeg", "jpg", "pgm", "png", "ppm", "tif", "tiff", "webp")


def suffix_of(name: str) -> str:
    """What stands after the last dot of a name, in small letters; empty if nothing stands before it."""
    stem, _, suffix = name.rpartition(".")
    return suffix.lower() if stem else ""


def is_image(name: str) -> bool:
    """Whether a file of that name is taken for an image."""
    return suffix_of(name) in IMAGE_SUFFIXES
