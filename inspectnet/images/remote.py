"""Images on a server or in a store, as s3://bucket/prefix, by fsspec: listed once, then read one by one.

A server that does not answer is no damaged image: reading is tried again a few times, and then the run ends.
"""

import re
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from inspectnet.errors import ImageError, OptionError, SourceError

URL = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)")  # a Path has one slash where an address has two
STAMPS = ("ETag", "etag", "mtime", "LastModified", "created")  # what stores tell that changes with an object
PAUSES = (1, 2, 4, 8)  # seconds between tries

T = TypeVar("T")


def url_of(source: Path | str) -> str | None:
    """The address that a source is; None for a path of this machine."""
    if not (parts := URL.fullmatch(str(source))):
        return None
    return f"{parts[1]}://{'/' * (parts[1] == 'file')}{parts[2].rstrip('/')}"


def is_remote(path: str) -> bool:
    """Whether the bytes of an entry lie elsewhere."""
    return "://" in path


def list_remote(url: str) -> Iterator[tuple[str, str, int, str]]:
    """Of each object below an address: its path from there, its own address, its bytes, its stamp.

    For the address of one object, its name stands for the path. Raises ImageError for nothing, SourceError.
    """
    system, top = _system(url)
    system.invalidate_cache()
    told = _patiently(url, lambda: system.find(top, detail=True))
    scheme = url.partition("://")[0]
    for path, about in told.items():
        if about.get("type") == "file":
            inside = path[len(top) :].lstrip("/") if path != top else path.rpartition("/")[2]
            size = int(about["size"] or 0)
            changed = next((about[key] for key in STAMPS if about.get(key)), "")
            yield inside, f"{scheme}://{path}", size, f"{size} {changed}".replace('"', "")


def open_remote(url: str) -> Any:
    """An object as a file that can be sought in. Raises SourceError."""
    system, path = _system(url)
    return _patiently(url, lambda: system.open(path, "rb"))


def read_remote(url: str, offset: int, size: int, id: str) -> bytes:
    """Bytes of an object. Raises ImageError for one that is gone, SourceError for a server that does not answer."""
    system, path = _system(url)
    try:
        data: bytes = _patiently(url, lambda: system.cat_file(path, start=offset, end=offset + size) if size else b"")
    except FileNotFoundError as error:
        raise ImageError(f"cannot read {id}: {url} is gone. Restore it or leave it out.") from error
    if len(data) != size:
        raise SourceError(f"{url} has changed since it was listed. Run it again to list it anew.")
    return data


def _patiently(url: str, ask: Callable[[], T]) -> T:
    """What a server answers, asked again after pauses. Raises FileNotFoundError, SourceError."""
    for pause in (*PAUSES, None):
        try:
            return ask()
        except FileNotFoundError:
            raise
        except PermissionError as error:
            raise SourceError(f"{url} may not be read: {_why(error)}. Check the keys and rights.") from error
        except Exception as error:  # each store has a tree of errors of its own
            if pause is None:
                what = f"{url} cannot be reached: {_why(error)}; {len(PAUSES) + 1} tries in {sum(PAUSES)} s"
                raise SourceError(
                    f"{what}. Run it again once the server answers; a scan goes on where it was."
                ) from error
            time.sleep(pause)
    raise AssertionError("the last try ends it")


def _system(url: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it. Raises OptionError if what reads it is not installed."""
    scheme = url.partition("://")[0]
    system = _system_of(scheme)
    from fsspec.core import strip_protocol

    return system, str(strip_protocol(url))


@lru_cache
def _system_of(scheme: str) -> Any:
    try:
        import fsspec

        return fsspec.filesystem(scheme)
    except (ImportError, ValueError) as error:
        if isinstance(error, ValueError):
            raise OptionError(f"{scheme}:// is no kind of address that is known: {_why(error)}. Try s3://.") from error
        what = f"{scheme}:// needs a package that is not there ({_why(error)})"
        raise OptionError(f"{what}. Say pip install 'inspectnet[cloud]', which has what s3:// needs.") from error


def _why(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__} {text}".strip()[:200].rstrip(".")
