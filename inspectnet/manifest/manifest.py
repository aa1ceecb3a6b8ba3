"""The manifest: a request, the images it is made of in their order, and their shards, fixed before one is read.

    folder/manifest.json              the request: models, layers, options; the signature of each shard
    folder/entries/000/000123.json    which images the shard holds
    folder/shards/, folder/leases/    what becomes of them

A shard's signature is a hash of all that decides its bytes, so that a file of other inputs is never taken for it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import inspectnet
from inspectnet.errors import OptionError
from inspectnet.files.parsing import parse_json
from inspectnet.files.staging import read_result
from inspectnet.results import decode, encode
from inspectnet.shards import shard_path, write_whole

FORMAT = 1  # of a manifest; a larger number is a later one, which this version cannot read
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class RequestedLayer:
    """A layer whose maps are watched."""

    name: str
    output: str
    maps: int


@dataclass(frozen=True)
class RequestedModel:
    """A model, how photos become its inputs, and its layers."""

    path: str
    sha256: str
    preprocess: Mapping[str, Any]
    layers: tuple[RequestedLayer, ...]


class Request(Protocol):
    """All that decides what is kept of an image: a frozen dataclass that a record can hold."""

    what: ClassVar[str]
    """What is made: an index, a folder of activations."""
    maker: ClassVar[str]
    """The command that makes it."""

    @property
    def models(self) -> tuple[RequestedModel, ...]:
        """The models that look at the images, with the layers that are watched."""

    @property
    def shard_size(self) -> int:
        """Images of a shard."""

    @property
    def batch_size(self) -> int:
        """Images that a model sees at once."""

    def check(self) -> None:
        """Raise ValueError for numbers that make no sense."""


R = TypeVar("R", bound=Request)


def signature_of_request(request: Request) -> str:
    """A hash of it; where the models lie does not count."""
    record: Any = encode(request, {})
    record["models"] = [model | {"path": ""} for model in record["models"]]
    return _hash(json.dumps([FORMAT, record], sort_keys=True).encode())


@dataclass(frozen=True)
class Manifest(Generic[R]):
    """What an index, or a folder of activations, is made of."""

    request: R
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

    def size(self, shard: int) -> int:
        """How many images a shard has."""
        return min(self.request.shard_size, self.images - self.first(shard))

    def write(self, folder: Path) -> None:
        """Put it into its folder. Raises OutputError."""
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


def read_manifest(folder: Path, kind: type[R]) -> Manifest[R]:
    """The manifest in a folder that is made on a request of that kind. Raises OptionError for any other folder."""
    path = folder / MANIFEST
    try:
        record = parse_json(read_result(path))
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            told = record.get("format") if isinstance(record, dict) else None
            raise ValueError(f"it has the format {told!r}, not {FORMAT}")
        manifest: Manifest[Any] = decode(record.get("manifest"), Manifest, {})
        manifest = replace(manifest, request=decode(manifest.request, kind, {}, "request"))
        _check(manifest)
    except OSError as error:
        why = "it has no manifest" if isinstance(error, FileNotFoundError) else error.strerror or error
        what = f"{folder} is no {kind.what}: {why}. Make one with {kind.maker} MODEL -o {folder}."
        raise OptionError(what) from error
    except (ValueError, RecursionError) as error:
        raise OptionError(f"{path} is no manifest of an {kind.what}: {error}. Give another folder.") from error
    return manifest


def read_entries(folder: Path, manifest: Manifest[Any], shard: int) -> Entries:
    """The images of a shard. Raises OptionError for a file that does not hold what the manifest was made of."""
    path, what = entries_path(folder, shard), manifest.request.what
    try:
        text = read_result(path)
        if signature_of(signature_of_request(manifest.request), manifest.root, text) != manifest.signatures[shard]:
            raise ValueError("its images are not those of the manifest")
        entries = decode(parse_json(text), Entries, {})
        assert isinstance(entries, Entries)
        for inside in (path or id for id, path in zip(entries.ids, entries.paths, strict=True)):
            _refuse_outside(inside)
    except OSError as error:
        why = error.strerror or error
        raise OptionError(
            f"cannot read {path}: {why}. Run {manifest.request.maker} again to list its images."
        ) from error
    except (ValueError, RecursionError) as error:
        raise OptionError(f"{path} lists no images of this {what}: {error}. Give another folder.") from error
    return entries


def entries_path(folder: Path, shard: int) -> Path:
    """Where the images of a shard are listed."""
    return shard_path(folder / "entries", shard, ".json")


def _refuse_outside(path: str) -> None:
    way = PurePath(path)  # of this system: elsewhere C:owl is a name like any other
    if way.anchor or ".." in way.parts:
        raise ValueError(f"'{path[:80]}' lies outside its folder of images")


def _check(manifest: Manifest[Any]) -> None:
    """Raise ValueError for numbers that do not belong together."""
    request, size = manifest.request, manifest.request.shard_size
    if size < 1 or request.batch_size < 1 or not request.models:
        raise ValueError("it asks for nothing")
    request.check()
    if manifest.shards != -(-manifest.images // size):
        raise ValueError(f"it has {manifest.shards} shards of {size} images for {manifest.images} images")
    for name in manifest.signatures:
        if len(name) != 16 or not set(name) <= set("0123456789abcdef"):
            raise ValueError(f"'{name[:40]}' is no signature")


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
