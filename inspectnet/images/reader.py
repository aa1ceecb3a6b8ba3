"""One entry of a collection, read: the hash of its bytes, and its rows or the reason why there are none."""

import hashlib
from dataclasses import dataclass, field

from inspectnet.errors import ImageError
from inspectnet.geometry import Box
from inspectnet.images.collection import Collection
from inspectnet.images.decode import look
from inspectnet.images.fit import Pixels
from inspectnet.images.memory import Memory
from inspectnet.images.prepare import Preparation, Prepared
from inspectnet.images.ten_crops import Several, TenCrops
from inspectnet.images.tiles import tile_boxes

ABSENT = bytes(32)  # stands for the sha256 of bytes that could not be read


@dataclass(frozen=True)
class Read:
    """What came of one entry."""

    entry: int
    """Its number in the collection."""
    sha256: bytes
    """Of its bytes as they are stored."""
    reason: str | None = None
    """Why it could not be read, if it could not."""
    tiles: list[tuple[Box, Pixels]] = field(default_factory=list)
    """Its tiles, of the network's size but not normalised yet; they share memory with the photo."""
    held: int = 0
    """Bytes of memory that the tiles keep until they are taken."""


@dataclass(frozen=True)
class Reader:
    """Reads entries as whole images or as tiles; safe to use from any number of threads."""

    collection: Collection
    preparation: Preparation | TenCrops | Several
    tile: bool = False

    @property
    def tiler(self) -> Preparation:
        """The preparation of tiles."""
        assert isinstance(self.preparation, Preparation), "tiles are prepared in one way"
        return self.preparation

    def read_image(self, entry: int, out: Prepared, memory: Memory) -> Read:
        """The whole image, prepared into `out`, once there is memory for it."""
        return self._read(entry, out, memory)

    def read_tiles(self, entry: int, memory: Memory) -> Read:
        """The tiles of the photo, once there is memory for it; they keep some until they are taken."""
        return self._read(entry, None, memory)

    def load(self, entry: int, origin: tuple[int, int] = (0, 0)) -> Prepared:
        """One prepared row: of the image, or of its tile at `origin`. Raises ImageError."""
        pixels = self.decode(entry)
        if not self.tile:
            return self.preparation.apply(pixels)
        for box, piece in self._cut(pixels):
            if (box.y0, box.x0) == origin:
                return self.tiler.normalise(piece)
        top, left = origin
        id = self.collection.entries[entry].id
        raise ImageError(f"{id} has no tile at {top},{left}. Has it changed since it was cut?")

    def decode(self, entry: int) -> Pixels:
        """The pixels [h, w, 3] of an image. Raises ImageError."""
        with self.collection.open(entry) as source:
            return look(source, self.collection.entries[entry].id).decode()

    def _read(self, entry: int, out: Prepared | None, memory: Memory) -> Read:
        sha256 = ABSENT
        with memory.turn(entry) as share:
            try:
                with self.collection.open(entry) as source:
                    sha256 = hashlib.file_digest(source, "sha256").digest()
                    source.seek(0)
                    encoded = look(source, self.collection.entries[entry].id)
                    share.take(encoded.need)
                    pixels = encoded.decode()
                if out is not None:
                    self.preparation.apply(pixels, out)
                    return Read(entry, sha256)
                tiles, share.kept = self._cut(pixels), pixels.nbytes
                return Read(entry, sha256, tiles=tiles, held=share.kept)
            except ImageError as error:
                return Read(entry, sha256, reason=str(error))

    def _cut(self, pixels: Pixels) -> list[tuple[Box, Pixels]]:
        """The tiles of a photo as views of it; a photo that is smaller than a tile is prepared as a whole."""
        height, width = self.tiler.input_size[1:]
        boxes = tile_boxes(pixels.shape[0], pixels.shape[1], height, width)
        if boxes[0].size != (height, width):
            return [(boxes[0], self.tiler.fit(pixels))]
        return [(box, pixels[box.slices]) for box in boxes]


def read_photo(collection: Collection, entry: int) -> tuple[str, Pixels]:
    """The sha256 of the bytes of one image, in hexadecimals, and its pixels [h, w, 3]. Raises ImageError."""
    with collection.open(entry) as source:
        sha256 = hashlib.file_digest(source, "sha256").hexdigest()
        source.seek(0)
        return sha256, look(source, collection.entries[entry].id).decode()
