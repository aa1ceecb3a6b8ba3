"""The manifest: what an index is made of, fixed before the first image is read.

    index/manifest.json                  models, layers, options; the signature of each shard
    index/entries/000/000123.json        which images the shard holds
    index/shards/000/000123.SIGNATURE.npz
    index/leases/000123.lease
    index/merged/                        of all shards, a file for each layer

A shard's signature is a hash of all that decides its bytes, so that a file of other inputs is never taken for it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import inspectnet
from inspectnet.errors import OptionError
from inspectnet.files.parsing import parse_json
from inspectnet.files.staging import read_result
from inspectnet.results import decode, encode
from inspectnet.shards import shard_path, write_whole

FORMAT = 1  # of an index; a larger number is a later one, which this version cannot read
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class IndexedLayer:
    """A layer whose maps are watched."""

    name: str
    output: str
    maps: int


@dataclass(frozen=True)
class IndexedModel:
    """A model, how photos become its inputs, and its layers."""

    path: str
    sha256: str
    preprocess: Mapping[str, Any]
    layers: tuple[IndexedLayer, ...]


@dataclass(frozen=True)
class Request:
    """All that decides what an index holds of an image."""

    models: tuple[IndexedModel, ...]
    top: int
    """How many of the strongest activations of each map are kept."""
    tile: bool
    by_class: bool
    """Whether means are kept by label."""
    each_image: bool
    """Whether the strongest activation of each map in each image is kept, as float16."""
    shard_size: int
    batch_size: int

    def signature(self) -> str:
        """A hash of it; where the models lie does not count."""
        record: Any = encode(self, {})
        record["models"] = [model | {"path": ""} for model in record["models"]]
        return _hash(json.dumps([FORMAT, record], sort_keys=True).encode())


@dataclass(frozen=True)
class Manifest:
    """What an index is made of."""

    request: Request
    root: str
    """The folder that all images lie in."""
    sources: tuple[str, ...]
    """Where they were looked for, as the user said it."""
    images: int
    skipped: tuple[tuple[str, str], ...]
    """What else lies there and cannot be read, and why."""
    signatures: tuple[str, ...]
    """Of each shard."""

    @property
    def shards(self) -> int:
        """How many there are."""
        return len(self.signatures)

    def first(self, shard: int) -> int:
        """The number of the first image of a shard."""
        return shard * self.request.shard_size

    def write(self, folder: Path) -> None:
        """Put it into the folder of the index. Raises OutputError."""
        record = {"format": FORMAT, "inspectnet": inspectnet.__version__, "manifest": encode(self, {})}
        text = json.dumps(record, indent=1).encode()
        write_whole(folder / MANIFEST, lambda file: file.write(text))


@dataclass(frozen=True)
class Entries:
    """The images of one shard."""

    ids: tuple[str, ...]
    labels: tuple[str | None, ...]
    """What each is filed under."""
    paths: tuple[str | None, ...]
    """From the root to the file that holds its bytes; None where that is the id."""
    offsets: tuple[int, ...]
    sizes: tuple[int | None, ...]
    """Bytes in that file, None for all of it."""
    stamps: tuple[str, ...] = field(repr=False)
    """What changes when the file does: its size and time, or the tag that a store gives it."""

    def text(self) -> bytes:
        """As JSON."""
        return json.dumps(encode(self, {})).encode()


def signature_of(request: str, root: str, entries: bytes) -> str:
    """The signature of a shard, from that of the request and the text of its entries."""
    return _hash(f"{request} {root} ".encode(errors="surrogatepass") + entries)


def hash_all(names: Iterable[str]) -> str:
    """A signature of several."""
    return _hash(" ".join(names).encode())


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an index. Raises OptionError for a folder that is none, or one of a later version."""
    path = folder / MANIFEST
    try:
        record = parse_json(read_result(path))
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            told = record.get("format") if isinstance(record, dict) else None
            raise ValueError(f"it has the format {told!r}, not {FORMAT}")
        manifest = decode(record.get("manifest"), Manifest, {})
        assert isinstance(manifest, Manifest)
        _check(manifest)
    except OSError as error:
        why = "it has no manifest" if isinstance(error, FileNotFoundError) else error.strerror or error
        raise OptionError(f"{folder} is no index: {why}. Make one with inspectnet scan MODEL -o {folder}.") from error
    except (ValueError, RecursionError) as error:
        raise OptionError(f"{path} is no manifest of an index: {error}. Scan into another folder.") from error
    return manifest


def read_entries(folder: Path, manifest: Manifest, shard: int) -> Entries:
    """The images of a shard. Raises OptionError for a file that does not hold what the manifest was made of."""
    path = entries_path(folder, shard)
    try:
        text = read_result(path)
        if signature_of(manifest.request.signature(), manifest.root, text) != manifest.signatures[shard]:
            raise ValueError("its images are not those of the manifest")
        entries = decode(parse_json(text), Entries, {})
        assert isinstance(entries, Entries)
        for inside in (path or id for id, path in zip(entries.ids, entries.paths, strict=True)):
            _refuse_outside(inside)
    except OSError as error:
        raise OptionError(f"cannot read {path}: {error.strerror or error}. Scan again to list its images.") from error
    except (ValueError, RecursionError) as error:
        raise OptionError(f"{path} lists no images of this index: {error}. Scan into another folder.") from error
    return entries


def entries_path(folder: Path, shard: int) -> Path:
    """Where the images of a shard are listed."""
    return shard_path(folder / "entries", shard, ".json")


def _refuse_outside(path: str) -> None:
    parts = path.replace("\\", "/").split("/")
    if path.startswith(("/", "\\")) or ".." in parts or parts[0][1:2] == ":":
        raise ValueError(f"'{path[:80]}' lies outside its folder of images")


def _check(manifest: Manifest) -> None:
    """Raise ValueError for numbers that do not belong together."""
    request, size = manifest.request, manifest.request.shard_size
    if size < 1 or request.top < 1 or request.batch_size < 1 or not request.models:
        raise ValueError("it asks for nothing")
    if manifest.shards != -(-manifest.images // size):
        raise ValueError(f"it has {manifest.shards} shards of {size} images for {manifest.images} images")
    for name in manifest.signatures:
        if len(name) != 16 or not set(name) <= set("0123456789abcdef"):
            raise ValueError(f"'{name[:40]}' is no signature")


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
