"""Results: what an analysis gives, and how it is kept: typed values, a record of JSON and arrays, and its schema.

    Result (frozen dataclass) -> encode -> record (JSON) + arrays (NPZ) -> decode -> the same Result

Nothing here knows a network, a file or a picture.
"""

from inspectnet.results.derived import derived
from inspectnet.results.marks import Axes, Below
from inspectnet.results.record import decode, encode
from inspectnet.results.result import Images, Model, Preprocess, Provenance, Result, SkippedImage
from inspectnet.results.schema import schema_of
