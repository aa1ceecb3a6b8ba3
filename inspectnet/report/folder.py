"""A folder of one run's results: made whole out of sight, then put in place.

It is proved before hours of work that files can be written there. A folder that holds another run's results is left
as it is: what makes a run another one is its claim, which its record keeps.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from inspectnet.errors import OutputError
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
        self._written: list[str] = []
        self.about: Mapping[str, object] = {}
        """What made the results, which pictures tell in their metadata."""

    def write_record(self, record: Mapping[str, object]) -> None:
        """Write the record, ready for JSON, as the last file; what run it is and which files it wrote are added."""
        self.record_text = json_text({**record, "run": self._claim, "files": sorted({*self._written, RECORD})})
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
        assert self._written[-1:] == [RECORD], "a run ends with its record"
        earlier = _files_of(_run_in(self.path))
        try:  # the record first, which would speak of files that are no longer its own
            stale = [name for name in earlier if name not in self._written]
            self._stage.place(self._written, [RECORD] * (RECORD in earlier) + stale)
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
        self._written.append(name)

    def _made_before(self, name: str) -> bool:
        """Whether a run of the same claim has written that file."""
        with locked(self.path):  # one that runs beside this one may be putting its files in place
            return name in _files_of(_run_in(self.path))


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


def _files_of(run: Mapping[str, Any] | None) -> list[str]:
    """The names of the results that a record lists, in which anybody may have written anything."""
    listed = (run or {}).get("files")
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    return [n for n in names if is_name(n) and not n.startswith(".") and Path(n).suffix in KINDS]
