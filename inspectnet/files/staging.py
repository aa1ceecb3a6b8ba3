"""Staging: files are made in a hidden folder beside their places and take them together, once all are whole.

A run that is killed while it makes them leaves nothing in their places. One that is killed while they take their
places has left them whole in the hidden folder, and the next run that writes there puts them in place, if that folder
was made where it lies: one out of an archive is no run's, whatever it holds, and would exchange the user's files.
"""

import contextlib
import errno
import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from inspectnet.errors import OutputError
from inspectnet.files.inputs import open_regular, was_read
from inspectnet.files.parsing import parse_json

if sys.platform != "win32":  # there leftovers stay, for nothing tells them from the files of a living run
    import fcntl

PREFIX = ".inspectnet-"
LARGEST_RECORD = 1 << 30  # bytes
WHOLE = ".whole"  # ends the name of a stage whose files are all written
KINDS = (".png", ".svg", ".pdf", ".npz", ".json", ".csv", ".txt", ".html", ".js", ".webp")  # of files a record names
WITHIN = "="  # in a stage, which holds no folders, for the / of a file that lies in a folder within
CLAIM, PLACES = ".claim", ".places"  # in a stage: what it is made for; which of its files take which places
HEXES = 16  # digits in the name of a stage


class Stage:
    """A hidden folder in `folder`, where files are made until `place` moves them to it.

    claim: text that tells other runs what is being made. To be made while `locked(folder)` holds, after `settle`.
    Raises OSError.
    """

    def __init__(self, folder: Path, claim: str = "") -> None:
        self.folder = folder
        self._path = folder / f"{PREFIX}{secrets.token_hex(HEXES // 2)}"
        self._path.mkdir()
        self._lock = _lock(self._path)
        try:
            (self._path / CLAIM).write_text(claim)
        except BaseException:
            self.drop()
            raise

    def path(self, name: str) -> Path:
        """Where to write the file that will be called `name`, or lie as FOLDER/NAME in a folder within.

        Raises OutputError for a place that an input has, or that a link leads away from.
        """
        assert is_name(name), f"not the name of a file in this folder: {name!r}"
        place = self.folder / name
        if _leads_away(place.parent, self.folder) or place.parent.is_file():
            raise OutputError(f"cannot write to {place.parent}: it is no folder. Give another place with --out.")
        if was_read(place):
            raise OutputError(f"{place} is read by this run, so it stays as it is. Give another place with --out.")
        if place.is_dir():
            raise OutputError(f"cannot write to {place}: it is a folder. Give another place with --out.")
        return self._path / name.replace("/", WITHIN)

    def place(self, names: Sequence[str], stale: Sequence[str] = ()) -> None:
        """Remove the files of `stale` from `folder` and move those of `names` to it, in this order. Raises OSError."""
        with locked(self.folder):
            places = {"remove": list(stale), "move": list(names)}
            (self._path / PLACES).write_text(json.dumps({"birth": _birth(self._path), **places}))
            whole = self._path.with_name(self._path.name + WHOLE)
            os.replace(self._path, whole)  # from here on it will be in place, if need be by the next run
            self._path = whole
            try:
                _move(whole, places)
            except OSError:
                raise
            except BaseException:  # an interruption comes too late
                _move(whole, places)
                raise
        self.drop()

    def drop(self) -> None:
        """Remove the hidden folder with whatever is still in it."""
        _remove(self._path)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def is_name(name: str) -> bool:
    """Whether this is the name of a file in a folder, or in a folder within: NAME or FOLDER/NAME."""
    *within, last = name.split("/")
    plain = all(part and part == Path(part).name and not part.startswith(".") and WITHIN not in part for part in within)
    return last not in ("", "..") and last == Path(last).name and plain and len(within) <= 1


@contextlib.contextmanager
def made(folder: Path) -> Iterator[None]:
    """Make a folder with its parents; those that were not there and are empty are gone again if the work fails."""
    absent = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for place in absent:
            with contextlib.suppress(OSError):  # a folder that holds something stays, and so do those above it
                place.rmdir()
        raise


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Meanwhile no other run looks for leftovers in `folder`, or begins or ends to write there."""
    handle = _lock(folder, wait=True)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def settle(folder: Path) -> None:
    """Bring to an end what killed runs have left in `folder`: put in place what is whole, remove the rest.

    Raises OutputError where something has come to stand in the way meanwhile.
    """
    for path in _stages(folder):
        lock = _lock(path)
        if lock is None:  # its run is alive, or nothing can tell
            continue
        try:
            if path.name.endswith(WHOLE):
                _move(path, _places_in(path))
            _remove(path)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise OutputError(f"what a killed run left in {path} cannot be put in place: {why}. Remove it.") from error
        finally:
            os.close(lock)


def claims(folder: Path) -> list[str]:
    """What living runs are making in `folder`; to be asked while `locked(folder)` holds, after `settle`."""
    made = [path / CLAIM for path in _stages(folder) if not path.name.endswith(WHOLE)]
    return [read_result(claim).decode(errors="replace") for claim in made if claim.is_file()]


def read_result(path: Path) -> bytes:
    """The bytes of a file that an earlier run wrote, which this one may replace. Raises OSError."""
    with open_regular(path) as file:
        content = file.read(LARGEST_RECORD + 1)
    if len(content) > LARGEST_RECORD:
        raise OSError(errno.EFBIG, "it is too large for a record", str(path))
    return content


def _stages(folder: Path) -> list[Path]:
    named = folder.glob(f"{PREFIX}{'[0-9a-f]' * HEXES}*")
    return sorted(path for path in named if path.is_dir() and not path.is_symlink())


def _remove(stage: Path) -> None:
    """Remove a stage with its files; one that holds a folder was made by nobody here, and stays."""
    with contextlib.suppress(OSError):
        for path in stage.iterdir():
            path.unlink()
        stage.rmdir()


def _lock(folder: Path, wait: bool = False) -> int | None:
    """A handle that locks a folder until it is closed, at the latest by the end of the process; None without a lock."""
    if sys.platform == "win32":
        return None
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:  # another has it, or the file system has no locks
        os.close(handle)
        return None
    return handle


def _move(whole: Path, places: Mapping[str, Sequence[str]]) -> None:
    """Do what a whole stage has left to do; inputs of the run that does it stay."""
    for name in filter(is_name, places["remove"]):
        place = whole.parent / name
        if not was_read(place) and not _leads_away(place.parent, whole.parent):
            place.unlink(missing_ok=True)
    for name in filter(is_name, places["move"]):
        staged, place = whole / name.replace("/", WITHIN), whole.parent / name
        if staged.is_file() and not was_read(place):
            if _leads_away(place.parent, whole.parent):  # by a link that has come to stand there meanwhile
                raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(place.parent))
            place.parent.mkdir(exist_ok=True)
            os.replace(staged, place)


def _leads_away(within: Path, folder: Path) -> bool:
    """Whether a folder within another is a link."""
    return within != folder and within.is_symlink()


def _places_in(whole: Path) -> dict[str, list[str]]:
    """Which files a killed run had still to remove and to move; none where the stage is not of a run's making."""
    try:
        places = parse_json(read_result(whole / PLACES))
        if places["birth"] == _birth(whole):
            return {"remove": places["remove"], "move": places["move"]}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    return {"remove": [], "move": []}


def _birth(stage: Path) -> list[int]:
    """What the file system alone decides when a stage is made: neither an archive nor a copy can bring it along."""
    status = (stage / CLAIM).stat(follow_symlinks=False)
    return [status.st_ino, status.st_ctime_ns]
