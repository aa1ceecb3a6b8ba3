"""Pixels in: find, decode, prepare, tile. A pixel is defined here and nowhere else.

    find_images (sources, lists) -> Collection -> decode -> Preparation (fit, prepare) -> Stream of batches

Pillow and simplejpeg are imported by the first image that is decoded.
"""

from inspectnet.images.collection import Collection, Entry, Part, Skipped, hold_images, join, spaced, stamps
from inspectnet.images.decode import MAX_PIXELS, decode
from inspectnet.images.given import (
    Source,
    Sources,
    collection_of,
    collections_of,
    in_memory,
    is_pillow,
    photos_of,
    sources_of,
)
from inspectnet.images.labels import Targets, all_names, match_labels
from inspectnet.images.prepare import Preparation
from inspectnet.images.reader import Reader, read_photo
from inspectnet.images.remote import is_remote, url_of
from inspectnet.images.seen import Keys, Seen
from inspectnet.images.sources import find_images
from inspectnet.images.stream import Batch, Stream
from inspectnet.images.ten_crops import Several, TenCrops
from inspectnet.images.tiles import tile_boxes, tile_id
