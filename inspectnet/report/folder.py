"""A folder of one run's results: made whole out of sight, then put in place.

It is proved before hours of work that files can be written there. A folder that holds another run's results is left
as it is: what makes a run another one is its claim, which its record keeps. Anybody may have written a record: a file
that it lists is a result only while it holds the bytes that were written, by the hash that stands there.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from inspectnet.errors import OutputError
from inspectnet.files.inputs import open_regular
from inspectnet.files.npz import write_npz
from inspectnet.files.parsing import parse_json
from inspectnet.files.refusals import refusal
from inspectnet.files.staging import KINDS, Stage, claims, is_name, locked, made, read_result, settle
from inspectnet.report.json_text import json_text

if TYPE_CHECKING:
    from inspectnet.figures.page import Figure

RECORD = "result.json"


class OutputFolder:
    """Where one run writes its results, its record last; they are in place when `output_folder` ends."""

    def __init__(self, stage: Stage, claim: Mapping[str, object], force: bool, forms: Sequence[str]) -> None:
        self.path, self.record_text = stage.folder, ""
        self._stage, self._claim, self._force, self._forms = stage, claim, force, forms
        self._written: dict[str, str | None] = {}
        self.about: Mapping[str, object] = {}
        """What made the results, which pictures tell in their metadata."""

    def write_record(self, record: Mapping[str, object]) -> None:
        """Write the record, ready for JSON, as the last file; what run it is and which files it wrote are added."""
        self.record_text = json_text({**record, "run": self._claim, "files": {**self._written, RECORD: None}})
        self.write_text(RECORD, self.record_text)

    def write_npz(self, name: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Write arrays as an uncompressed NPZ: the same bytes for the same arrays, on any day and machine."""
        with self.open(name) as file:
            write_npz(file, arrays)

    def write_figure(self, stem: str, figure: "Figure") -> None:
        """Write a figure as stem.png, or in each of the forms that were asked for."""
        from inspectnet.figures.encoding import encode

        for form in self._forms:
            with self.open(f"{stem}.{form}") as file:
                file.write(encode(figure, form, self.about))

    def write_text(self, name: str, text: str) -> None:
        """Write text as UTF-8; what UTF-8 cannot hold (parts of odd file names) is written as an escape."""
        with self.open(name) as file:
            file.write(text.encode(errors="backslashreplace"))

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write a file as it is; its name may lead into a folder within, as FOLDER/NAME."""
        with self.open(name) as file:
            file.write(data)

    @property
    def pictures(self) -> list[str]:
        """The names of the pictures that were written, in that order."""
        return [name for name in self._written if name.endswith((".png", ".svg", ".pdf"))]

    def place(self) -> None:
        """Put all files in place, in that of earlier ones of the same run. Raises OutputError."""
        assert list(self._written)[-1:] == [RECORD], "a run ends with its record"
        try:  # the record first, which would speak of files that are no longer its own
            gone = [name for name in _listed(_run_in(self.path)) if name not in self._written]
            stale = [name for name in gone if _is_result(self.path, name)]
            self._stage.place(list(self._written), [RECORD, *stale])
        except OSError as error:
            raise refusal(self.path, error) from error

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A file to write, which is one of the results once the block ends. Raises OutputError."""
        target, path = self.path / name, self._stage.path(name)
        if target.exists() and not self._force and not self._made_before(name):
            raise OutputError(f"{target} is there already. Choose another folder with --out, or say --force.")
        try:
            with path.open("wb") as file:
                yield file
        except OSError as error:
            raise refusal(target, error) from error
        with path.open("rb") as whole:
            self._written[name] = hashlib.file_digest(whole, "sha256").hexdigest()

    def _made_before(self, name: str) -> bool:
        """Whether a run of the same claim has written that file."""
        with locked(self.path):  # one that runs beside this one may be putting its files in place
            return _is_result(self.path, name)


@contextlib.contextmanager
def output_folder(
    path: Path,
    claim: Mapping[str, object],
    *,
    beside: bool = True,
    force: bool = False,
    forms: Sequence[str] = ("png",),
) -> Iterator[OutputFolder]:
    """The folder for the results of a run, all in place when the block ends; none if it fails.

    claim: what makes it this run, ready for JSON. Where `path` holds results of another run, or a living one makes
    them, they are replaced if that is forced; else `path`-2 is taken, or -3 and so on, if one `beside` it will do.
    forms: in which figures are written, of png, svg, pdf.
    Raises OutputError at once if nothing can be written there.
    """
    for place in _places(path):
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(made(place))
                stage = _begin(place, claim, force)
            except (OSError, ValueError) as error:
                raise refusal(place, error) from error
            if stage is None and not beside:
                raise OutputError(f"{place} holds the results of another run. Choose another --out, or say --force.")
            if stage is None:
                continue
            stack.callback(stage.drop)
            stage.path(RECORD)  # which an input may have, as the work would find at its end
            folder = OutputFolder(stage, claim, force, forms)
            yield folder
            folder.place()
            return


def _places(path: Path) -> Iterator[Path]:
    """The folder that was said, then the same with a number."""
    yield path
    named = path if path.name and path.name != ".." else path.resolve()
    number = 1
    while True:
        number += 1
        yield named.with_name(f"{named.name}-{number}")


def _begin(place: Path, claim: Mapping[str, object], force: bool) -> Stage | None:
    """A stage in a folder, None if another run has it."""
    text = json_text(claim)
    with locked(place):
        settle(place)
        run = _run_in(place)
        other = run is not None and run | {"files": None} != json.loads(text) | {"files": None}
        taken = other or any(living != text for living in claims(place))
        return None if taken and not force else Stage(place, text)


def _run_in(folder: Path) -> dict[str, Any] | None:
    """What the record in a folder says of its run, None without one; nothing is said of a file of somebody else."""
    if not (folder / RECORD).exists():
        return None
    try:
        told = parse_json(read_result(folder / RECORD))
        return {**told["run"], "files": told["files"]}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def _is_result(folder: Path, name: str) -> bool:
    """Whether a file was written by the run whose record lies in a folder, and is as it was then."""
    run = _run_in(folder)
    return bool(run) if name == RECORD else _holds(folder / name, _listed(run).get(name))


def _listed(run: Mapping[str, Any] | None) -> dict[str, object]:
    """The hashes that a record tells by the names of its files, in which anybody may have written anything."""
    listed = (run or {}).get("files")
    told = listed.items() if isinstance(listed, dict) else ()
    return {n: hash_ for n, hash_ in told if is_name(n) and not n.startswith(".") and Path(n).suffix in KINDS}


def _holds(path: Path, sha256: object) -> bool:
    """Whether a file is there and holds the bytes of that hash."""
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False
