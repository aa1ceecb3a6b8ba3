"""A folder of one run's results: made whole out of sight, then put in place.

It is proved before hours of work that files can be written there. A folder that holds another run's results is left
as it is: what makes a run another one is its claim, which its record keeps.
"""

import contextlib
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import numpy as np

from inspectnet.errors import OutputError
from inspectnet.files.parsing import parse_json
from inspectnet.files.refusals import refusal
from inspectnet.files.staging import Stage, claims, locked, made, read_result, settle
from inspectnet.report.json_text import json_text

if TYPE_CHECKING:
    from PIL import Image

    from inspectnet.figures.page import Figure

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip file can hold
RECORDS = (
    *("result.json", "run.json", "diagnosis.json", "evaluation.json", "evolution.json"),
    *("invariance.json", "sanity.json", "selectivity.json"),
)
KINDS = (".png", ".svg", ".pdf", ".npz", ".json", ".csv", ".txt")  # of files that a run may have written


class OutputFolder:
    """Where one run writes its results, its record last; they are in place when `output_folder` ends."""

    def __init__(
        self, stage: Stage, record: str, claim: Mapping[str, Any], overwrite: bool, forms: Sequence[str]
    ) -> None:
        self.path, self.record, self.record_text = stage.folder, record, ""
        self._stage, self._claim, self._overwrite, self._forms = stage, claim, overwrite, forms
        self._written: list[str] = []

    def write_json(self, name: str, obj: object) -> None:
        """Write results as JSON, numpy's numbers and arrays included; OutputError for NaN, which JSON lacks.

        To the record, under `run`, is added what run it is and which files it wrote.
        """
        if name == self.record:
            assert isinstance(obj, Mapping), "a record is an object"
            obj = {**obj, "run": self._claim, "files": sorted({*self._written, name})}
        text = json_text(obj, self.path / name)
        self.write_text(name, text)
        self.record_text = text if name == self.record else self.record_text

    def write_npz(self, name: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Write arrays as an uncompressed NPZ: the same bytes for the same arrays, on any day and machine."""
        with self._file(name) as file:
            _pack(file, arrays)

    def write_figure(self, stem: str, figure: "Figure") -> None:
        """Write a figure as stem.png, or in each of the forms that were asked for."""
        from inspectnet.figures.encoding import encode

        for form in self._forms:
            with self._file(f"{stem}.{form}") as file:
                file.write(encode(figure, form))

    def write_png(self, name: str, image: "Image.Image") -> None:
        """Write pixels as PNG."""
        with self._file(name) as file:
            image.save(file, format="PNG")

    def write_text(self, name: str, text: str) -> None:
        """Write text as UTF-8; what UTF-8 cannot hold (parts of odd file names) is written as an escape."""
        with self._file(name) as file:
            file.write(text.encode(errors="backslashreplace"))

    def place(self) -> None:
        """Put all files in place, in that of earlier ones of the same run. Raises OutputError."""
        assert self._written[-1:] == [self.record], "a run ends with its record"
        earlier = _files_of(_runs_in(self.path))
        try:  # the record first, which would speak of files that are no longer its own
            records = [name for name in earlier if name in RECORDS]
            self._stage.place(self._written, records + [name for name in earlier if name not in self._written])
        except OSError as error:
            raise refusal(self.path, error) from error

    @contextlib.contextmanager
    def _file(self, name: str) -> Iterator[BinaryIO]:
        target, path = self.path / name, self._stage.path(name)
        if target.exists() and not self._overwrite and not self._made_before(name):
            raise OutputError(f"{target} is there already. Choose another folder with --out, or say --overwrite.")
        try:
            with path.open("wb") as file:
                yield file
        except OSError as error:
            raise refusal(target, error) from error
        self._written.append(name)

    def _made_before(self, name: str) -> bool:
        """Whether a run of the same claim has written that file."""
        with locked(self.path):  # one that runs beside this one may be putting its files in place
            return name in _files_of(_runs_in(self.path))


@contextlib.contextmanager
def output_folder(
    path: Path, record: str, claim: Mapping[str, Any], *, overwrite: bool = False, forms: Sequence[str] = ("png",)
) -> Iterator[OutputFolder]:
    """The folder for the results of a run, all in place when the block ends; none if it fails.

    record: the file that tells of the run. claim: what makes it this run, ready for JSON. Where `path` holds results
    of another run, or a living one makes them, `path`-2 is taken, or -3 and so on, unless they are to be overwritten.
    forms: in which figures are written, of png, svg, pdf.
    Raises OutputError at once if nothing can be written there.
    """
    for place in _places(path):
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(made(place))
                stage = _begin(place, claim, overwrite)
            except (OSError, ValueError) as error:
                raise refusal(place, error) from error
            if stage is None:
                continue
            stack.callback(stage.drop)
            stage.path(record)  # which an input may have, as the work would find at its end
            folder = OutputFolder(stage, record, claim, overwrite, forms)
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


def _begin(place: Path, claim: Mapping[str, Any], overwrite: bool) -> Stage | None:
    """A stage in a folder, None if another run has it."""
    text = json_text(claim, place)
    with locked(place):
        settle(place)
        others = [run for run in _runs_in(place) if run | {"files": None} != json.loads(text) | {"files": None}]
        taken = others or any(other != text for other in claims(place))
        return None if taken and not overwrite else Stage(place, text)


def _runs_in(folder: Path) -> list[dict[str, Any]]:
    """What the records in a folder say of their runs; nothing is said of a file of somebody else."""
    return [_run_of(folder / name) for name in RECORDS if (folder / name).exists()]


def _run_of(record: Path) -> dict[str, Any]:
    try:
        told = parse_json(read_result(record))
        run, files = told["run"], told["files"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {**run, "files": files} if isinstance(run, dict) else {}


def _files_of(runs: list[dict[str, Any]]) -> list[str]:
    """The names of the results that records list, in which anybody may have written anything."""
    lists = [run.get("files") for run in runs]
    names = [name for files in lists if isinstance(files, list) for name in files if isinstance(name, str)]
    return [n for n in names if n == Path(n).name and not n.startswith(".") and Path(n).suffix in KINDS]


def _pack(file: BinaryIO, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    # np.savez stamps each array with the time of day. Nothing is compressed: float noise hardly shrinks, and the
    # bytes would depend on the version of zlib.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", EPOCH)
            entry.create_system = 3  # else the file tells the operating system
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as member:
                _write_array(member, np.asarray(array, order="C"))


def _write_array(file: IO[bytes], array: np.ndarray[Any, Any]) -> None:
    np.lib.format.write_array(file, array, allow_pickle=False)
