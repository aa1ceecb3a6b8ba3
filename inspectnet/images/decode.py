"""Bytes become pixels. Pillow defines them; simplejpeg makes the same ones sooner from plain JPEG.

The header is read first: it tells how much memory the pixels will take, and whether they are refused.
"""

import contextlib
import io
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import ImageError
from inspectnet.images.jpeg import PASSES, coefficients, passes
from inspectnet.images.memory import ALONE
from inspectnet.images.orientation import is_upright, stored, upright

if TYPE_CHECKING:  # Pillow takes 30 ms to import, which only those who decode should pay
    from PIL import Image

MAX_PIXELS = 200 << 20
"""Larger images are refused: 210 megapixels take 1.4 GB while they are resized."""

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # not EPS, which runs Ghostscript
SIXTEEN_BITS = ("I", "I;16", "I;16L", "I;16B", "I;16N")
ORIENTATION = 0x0112
HEAD = 1 << 20  # bytes that a header is looked for in
BAND = 1 << 22  # pixels that are converted at a time

ROW = 8  # bytes that Pillow notes of a row, which counts where it has a pixel or two
RGB, PILLOW = 3, 4  # bytes of a pixel: as an array, and in Pillow, whatever its colours
DECODERS = {"WEBP": 13, "TIFF": 4, "PNG": 4, "GIF": 1}  # bytes of a pixel that a decoder needs besides, measured

_opening = threading.Lock()


@dataclass(frozen=True)
class Encoded:
    """An image whose header was read."""

    name: str
    shape: tuple[int, int]
    """(H, W), as it is stored."""
    need: int
    """Bytes that it takes to decode and to resize it, at the most."""
    _source: io.BufferedIOBase
    _image: "Image.Image | None"
    """What Pillow opened; None for a plain JPEG."""

    def decode(self) -> NDArray[np.uint8]:
        """The pixels: see `decode`. Raises ImageError."""
        image = self._image
        if image is None or image.format in ("JPEG", "MPO"):
            self._source.seek(0)
            data = self._source.read()
            _refuse_passes(data, self.shape, self.name)
            if image is None and (pixels := _decode_jpeg(data)) is not None:
                return pixels
            image = image or _look_any(io.BytesIO(data), self.name)._image
            assert image is not None
        return _pillow(image, self.name)


def decode(data: bytes, name: str) -> NDArray[np.uint8]:
    """The pixels of an encoded image, [H, W, 3] RGB, turned as its EXIF orientation asks.

    Grey becomes three equal channels, CMYK and palettes become RGB, 16-bit grey is divided by 257. Alpha is
    dropped, not blended, as `convert("RGB")` does in torchvision too: what it hid shows. Animations
    give their first frame. Raises ImageError, which calls the image `name`, for all that is no image, is cut
    short, has float pixels or more than MAX_PIXELS.
    """
    return look(io.BytesIO(data), name).decode()


def look(source: io.BufferedIOBase, name: str) -> Encoded:
    """The header of an encoded image, which is decoded from `source` later. Raises ImageError as `decode` does."""
    head = source.read(HEAD)
    source.seek(0)
    if not head:
        raise _unreadable(name, "the file is empty (0 bytes)")
    return _look_jpeg(source, head, name) or _look_any(source, name)


def _look_jpeg(source: io.BufferedIOBase, head: bytes, name: str) -> Encoded | None:
    """A sound, upright JPEG in grey or YCbCr; None for whatever Pillow should judge."""
    if not head.startswith(b"\xff\xd8") or not is_upright(head):
        return None
    import simplejpeg

    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(head)
    except (ValueError, RuntimeError):
        return None
    if colours not in ("YCbCr", "Gray"):
        return None
    shape = int(height), int(width)
    return Encoded(name, shape, _need(shape, name, RGB + coefficients(head), _size(source)), source, None)


def _decode_jpeg(data: bytes) -> NDArray[np.uint8] | None:
    """The pixels of a sound, upright JPEG in grey or YCbCr; None for whatever Pillow should judge."""
    import simplejpeg

    try:
        # strict: any complaint of libjpeg is an error. Otherwise a file cut in half gives an image half grey.
        # Some complaints are harmless (stray bytes between segments, say): Pillow decides which.
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB", strict=True)
    except (ValueError, RuntimeError):
        return None
    return pixels


def _look_any(source: io.BufferedIOBase, name: str) -> Encoded:
    try:
        with _without_limit():
            image = _open(source)
            if image.mode == "F":
                raise _unreadable(name, "its pixels are floats, whose range is not known", "Convert it to 8 bits.")
            return Encoded(name, (image.height, image.width), _need_of(image, source, name), source, image)
    except ImageError:
        raise
    except Exception as error:  # Pillow's readers raise whatever their parsing trips over
        from PIL import UnidentifiedImageError

        if isinstance(error, UnidentifiedImageError):
            raise _unreadable(name, "it is not an image, or damaged from the start") from error
        raise _unreadable(name, _first_line(error)) from error


def _open(source: io.BufferedIOBase) -> "Image.Image":
    from PIL import Image

    return Image.open(cast(IO[bytes], source), formats=FORMATS)


@contextlib.contextmanager
def _without_limit() -> Iterator[None]:
    """Meanwhile Pillow has no limit on pixels: MAX_PIXELS stands in its place."""
    from PIL import Image

    # The limit is a global of Pillow that others in this process may rely on, so it is put back at once.
    # Reading a header is Python and holds the GIL: threads lose nothing by waiting for each other here.
    with _opening:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _need_of(image: "Image.Image", source: io.BufferedIOBase, name: str) -> int:
    """What an image that Pillow has opened takes."""
    decoding, held = float(DECODERS.get(image.format or "", 0)), _size(source)
    if image.format in ("JPEG", "MPO"):
        head = source.read(HEAD) if not source.seek(0) else b""
        decoding = coefficients(head)
    elif image.format in ("PNG", "BMP", "PPM", "GIF") or not any(
        tile[0] == "libtiff" for tile in getattr(image, "tile", ())
    ):
        held = 0 if image.format != "WEBP" else held  # they read the file piece by piece
    return _need((image.height, image.width), name, PILLOW + decoding, held)


def pixels_of_pillow(image: "Image.Image", name: str) -> NDArray[np.uint8]:
    """The pixels of an image that somebody has opened with Pillow and keeps: see `decode`. Raises ImageError."""
    if image.mode == "F":
        raise _unreadable(name, "its pixels are floats, whose range is not known", "Convert it to 8 bits.")
    try:
        return _pillow(image.copy(), name)
    except OSError as error:  # of a file that was closed or is cut short
        raise _unreadable(name, _first_line(error)) from error


def _pillow(image: "Image.Image", name: str) -> NDArray[np.uint8]:
    """The pixels of what Pillow has opened."""
    try:
        _load(image)
        orientation = _orientation(image)
        height, width = image.height, image.width
        pixels = np.empty((*upright((height, width), orientation), 3), np.uint8)
        rows, lying = max(1, BAND // width), stored(pixels, orientation)
        for top in range(0, height, rows):  # in bands, for copies of all of it would double what it takes
            band = image if rows >= height else image.crop((0, top, width, min(height, top + rows)))
            lying[top : top + rows] = _rgb(band, name)
    except ImageError:
        raise
    except Exception as error:  # as above
        raise _unreadable(name, _first_line(error)) from error
    finally:
        image.close()  # and with it goes what Pillow holds of it
    return pixels


def _orientation(image: "Image.Image") -> int:
    """How the image lies; 1, which is upright, also where EXIF is damaged: the pixels are not."""
    try:
        asked = image.getexif().get(ORIENTATION, 1)
    except Exception:  # as above
        return 1
    return asked if isinstance(asked, int) else 1


def _load(image: "Image.Image") -> None:
    """Read the pixels; what is larger than Pillow would warn of is loaded one at a time, as its limit is a global."""
    from PIL import Image

    limit = Image.MAX_IMAGE_PIXELS
    if limit is None or image.width * image.height <= limit:
        image.load()
        return
    with _without_limit():
        image.load()


def _rgb(image: "Image.Image", name: str) -> NDArray[np.uint8]:
    if image.mode in SIXTEEN_BITS:
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise _unreadable(name, "its pixels need more than 16 bits", "Convert it to 8 bits.")
        grey = ((values * 255 + 32767) // 65535).astype(np.uint8)  # to the nearest; Pillow would clip at 255
        return np.repeat(grey[:, :, None], 3, axis=2)
    image.info.pop("transparency", None)  # convert() warns about palettes with alpha, which is dropped anyway
    return np.asarray(image.convert("RGB"))


def _need(shape: tuple[int, int], name: str, decoding: float, held: int) -> int:
    """Bytes that an image takes: while it is decoded, or then resized, which copies it once. Raises ImageError."""
    pixels = shape[0] * shape[1]
    if pixels > MAX_PIXELS:
        size = f"it has {shape[1]} x {shape[0]} pixels, more than {MAX_PIXELS:,} in all"
        raise _unreadable(name, size, "Make it smaller or cut it up.")
    need = held + int(pixels * max(decoding, RGB + PILLOW)) + shape[0] * ROW
    if need > ALONE:
        size = f"its {shape[1]} x {shape[0]} pixels would take {need / 1e9:.1f} GB, more than {ALONE / 1e9:.1f}"
        raise _unreadable(name, size, "Make it smaller or cut it up.")
    return need


def _size(source: io.BufferedIOBase) -> int:
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    return size


def _refuse_passes(data: bytes, shape: tuple[int, int], name: str) -> None:
    if (count := passes(data)) * shape[0] * shape[1] > PASSES:
        raise _unreadable(name, f"its {shape[1]} x {shape[0]} pixels are stored in {count} passes")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _unreadable(name: str, why: str, advice: str = "Replace it or leave it out.") -> ImageError:
    return ImageError(f"cannot read {name}: {why}. {advice}")
