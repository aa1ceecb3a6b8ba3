"""Bytes become pixels. Pillow defines them; simplejpeg makes the same ones sooner from plain JPEG."""

import io
import threading
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import ImageError
from inspectnet.images.orientation import is_upright

if TYPE_CHECKING:  # Pillow takes 30 ms to import, which only those who decode should pay
    from PIL import Image

MAX_PIXELS = 2**28
"""Larger images are refused: 268 megapixels take 0.8 GB once decoded."""

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # not EPS, which runs Ghostscript
SIXTEEN_BITS = ("I", "I;16", "I;16L", "I;16B", "I;16N")
ORIENTATION = 0x0112

_opening = threading.Lock()


def decode(data: bytes, name: str) -> NDArray[np.uint8]:
    """The pixels of an encoded image, [H, W, 3] RGB, turned as its EXIF orientation asks.

    Grey becomes three equal channels, CMYK and palettes become RGB, 16-bit grey is divided by 257. Alpha is
    dropped, not blended, as `convert("RGB")` does in torchvision too: what it hid shows. Animations
    give their first frame. Raises ImageError, which calls the image `name`, for all that is no image, is cut
    short, has float pixels or more than MAX_PIXELS.
    """
    if not data:
        raise _unreadable(name, "the file is empty (0 bytes)")
    pixels = _decode_jpeg(data, name)
    return _decode_any(data, name) if pixels is None else pixels


def _decode_jpeg(data: bytes, name: str) -> NDArray[np.uint8] | None:
    """The pixels of a sound, upright JPEG in grey or YCbCr; None for whatever Pillow should judge."""
    if not data.startswith(b"\xff\xd8") or not is_upright(data):
        return None
    import simplejpeg

    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        if colours not in ("YCbCr", "Gray"):
            return None
        _refuse_giants(int(height), int(width), name)
        # strict: any complaint of libjpeg is an error. Otherwise a file cut in half gives an image half grey.
        # Some complaints are harmless (stray bytes between segments, say): Pillow decides which.
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB", strict=True)
    except (ValueError, RuntimeError):
        return None
    return pixels


def _decode_any(data: bytes, name: str) -> NDArray[np.uint8]:
    try:
        with _open(data) as image:
            _refuse_giants(image.height, image.width, name)
            image.load()
            return _rgb(_turn(image), name)
    except ImageError:
        raise
    except Exception as error:  # Pillow's readers raise whatever their parsing trips over
        from PIL import UnidentifiedImageError

        if isinstance(error, UnidentifiedImageError):
            raise _unreadable(name, "it is not an image, or damaged from the start") from error
        why = str(error).strip().splitlines() or [type(error).__name__]
        raise _unreadable(name, why[0]) from error


def _open(data: bytes) -> "Image.Image":
    """The image with its header read, without Pillow's limit on pixels: MAX_PIXELS stands in its place."""
    from PIL import Image

    # The limit is a global of Pillow that others in this process may rely on, so it is put back at once.
    # Reading a header is Python and holds the GIL: threads lose nothing by waiting for each other here.
    with _opening:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(io.BytesIO(data), formats=FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _turn(image: "Image.Image") -> "Image.Image":
    """The image as its EXIF orientation asks. (ImageOps.exif_transpose also writes EXIF, which can fail.)"""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(image.getexif().get(ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def _rgb(image: "Image.Image", name: str) -> NDArray[np.uint8]:
    if image.mode == "F":
        raise _unreadable(name, "its pixels are floats, whose range is not known", "Convert it to 8 bits.")
    if image.mode in SIXTEEN_BITS:
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise _unreadable(name, "its pixels need more than 16 bits", "Convert it to 8 bits.")
        grey = ((values * 255 + 32767) // 65535).astype(np.uint8)  # to the nearest; Pillow would clip at 255
        return np.repeat(grey[:, :, None], 3, axis=2)
    image.info.pop("transparency", None)  # convert() warns about palettes with alpha, which is dropped anyway
    return np.array(image.convert("RGB"))  # np.asarray would be read-only, unlike what simplejpeg returns


def _refuse_giants(height: int, width: int, name: str) -> None:
    if height * width > MAX_PIXELS:
        size = f"it has {width} x {height} pixels, more than {MAX_PIXELS:,} in all"
        raise _unreadable(name, size, "Make it smaller or cut it up.")


def _unreadable(name: str, why: str, advice: str = "Replace it or leave it out.") -> ImageError:
    return ImageError(f"cannot read {name}: {why}. {advice}")
