"""Which files are taken for images: those whose names say so. Whether they are, decoding tells."""

IMAGE_SUFFIXES = tuple(
    "apng bmp gif jfif jpe jpeg jpg mpo pbm pgm png pnm ppm tif tiff webp".split()
)  # of the formats that `decode` reads

OTHER_PICTURES = frozenset(
    "arw avif avifs blp bw cr2 cr3 cur dcx dds dib dng emf eps fit fits flc fli ftc ftu gbr heic heif icb icns ico iim"
    " im j2c j2k jp2 jpc jpf jpx jxl msp nef orf pcd pcx pfm ps psd pxr qoi raf ras rgb rgba rw2 sgi svg tga vda vst"
    " wmf xbm xpm".split()
)  # of formats that it does not read

ARCHIVES = frozenset("7z bz2 gz lz4 lzma rar tbz tbz2 tgz txz xz z zip zst".split())


def suffix_of(name: str) -> str:
    """What stands after the last dot of a name, in small letters; empty if nothing stands before it."""
    stem, _, suffix = name.rpartition(".")
    return suffix.lower() if stem else ""


def is_image(name: str) -> bool:
    """Whether a file of that name is taken for an image."""
    return suffix_of(name) in IMAGE_SUFFIXES


def why_unread(name: str) -> str | None:
    """Why a file of that name is passed over although it may hold images; None if nobody would expect any in it."""
    suffix = suffix_of(name)
    if suffix in OTHER_PICTURES:
        return f"cannot read {name}: .{suffix} is not a format that is read here. Convert it to PNG or JPEG."
    if suffix in ARCHIVES:
        return f"cannot read {name}: it is compressed. Unpack it, at least to a .tar."
    return None
