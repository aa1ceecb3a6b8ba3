"""Results that keep: shown as figures, saved to a folder, and loaded from it."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from inspectnet.arguments import checks_arguments
from inspectnet.errors import OptionError, nearest
from inspectnet.figures.display import Display
from inspectnet.files.npz import read_npz
from inspectnet.files.parsing import parse_json
from inspectnet.files.staging import read_result
from inspectnet.report.envelope import ARRAYS, envelope_of, result_of
from inspectnet.report.folder import RECORD, OutputFolder, output_folder
from inspectnet.report.tables import csv_text
from inspectnet.report.topics import presenter
from inspectnet.results import Result

DISPLAY = Display()
DECIDING = ("command", "models", "images", "options")  # members of the envelope that make it this result

if TYPE_CHECKING:
    from inspectnet.figures.page import Figure


@checks_arguments
def plot(
    result: Result,
    name: str = "",
    *,
    clip: float = Display.clip,
    scale: str = Display.scale,
    zoom: bool = Display.zoom,
    names: bool = Display.names,
) -> "Figure":
    """The figure of a result, or that of its figures called `name`; what signals look like is the display's to say.

    clip: the percentile of |x| that has full contrast. scale: what shares one, "tile", "map" or "page". zoom: whether
    tiles show the part where the signal is. names: whether photos are named. Raises OptionError, which lists figures.
    """
    display = Display(clip, scale, zoom, names)
    figures = dict(figures_of(result, display))
    if not name and (len(figures) == 1 or result.command in figures):  # which others may go with
        name = result.command if result.command in figures else next(iter(figures))
    if name not in figures:
        what = f"no figure '{name}'.{nearest(name, figures)}" if name else f"there are {len(figures)} figures."
        raise OptionError(f"{what} Choose one of: {', '.join(figures)}." if figures else "this result has no figure.")
    figure: Figure = figures[name]
    figure.told = _told(result, envelope_of(result, {}), display)  # type: ignore[attr-defined]
    return figure


@checks_arguments
def save(
    result: Result,
    folder: str | Path,
    *,
    formats: Sequence[str] = ("png",),
    force: bool = False,
    display: Display = DISPLAY,
) -> Path:
    """Write a result: result.json, its arrays and its figures; gives the folder that was taken.

    formats: of figures: png, svg, pdf. force: whether another result that `folder` holds is replaced. display: how
    signals are drawn. Raises OutputError if the folder holds another result, OptionError.
    """
    from inspectnet.figures.encoding import check_formats

    forms, path = check_formats(formats), Path(folder)
    with output_folder(path, _claim_in(path, result), beside=False, force=force, forms=forms) as out:
        write_result(out, result, display)
    return out.path


def _claim_in(folder: Path, result: Result) -> Mapping[str, object]:
    """What makes it this run: all that decides the result; where a folder holds the same one, what its record says.

    A command says it otherwise, as it knows only what was asked for before its work.
    """
    envelope = envelope_of(result, {})
    claim: dict[str, object] = {name: envelope[name] for name in DECIDING}
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):  # no record, or none of ours
        record = parse_json(read_result(folder / RECORD))
        if {name: record[name] for name in DECIDING} == claim:
            return {**record["run"]}
    return claim


def figures_of(result: Result, display: Display) -> "Iterator[tuple[str, Figure]]":
    """The figures of a result, by name; none of one that is a table."""
    show = presenter(result)
    return show.figures(result, display) if hasattr(show, "figures") else iter(())


def write_result(folder: OutputFolder, result: Result, display: Display = DISPLAY) -> None:
    """Write a result's figures, tables, arrays and record to a folder that is being made. Raises OutputError."""
    arrays: dict[str, NDArray[Any]] = {}
    envelope = envelope_of(result, arrays)
    folder.about = _told(result, envelope, display)
    show = presenter(result)
    for name, figure in figures_of(result, display):
        folder.write_figure(name, figure)
    for name, columns, rows in show.tables(result) if hasattr(show, "tables") else ():
        folder.write_text(name, csv_text(columns, rows, folder.about))
    if arrays:
        folder.write_npz(ARRAYS, arrays)
    folder.write_record(envelope)


def _told(result: Result, envelope: Mapping[str, object], display: Display) -> dict[str, object]:
    """What tables and the metadata of pictures tell: what made the result, and how signals are drawn."""
    told = {name: envelope[name] for name in ("command", "inspectnet", "images", "options")}
    models = [{"name": model.name, "sha256": model.sha256} for model in result.about.models]
    return {**told, "models": models, "display": asdict(display)}


@checks_arguments
def load(folder: str | Path) -> Result:
    """The result that a command or `save` wrote to a folder, whole. Raises OptionError for anything else."""
    path = Path(folder)
    record = path / RECORD if path.is_dir() else path
    try:
        envelope = parse_json(read_result(record))
        if not isinstance(envelope, dict):
            raise ValueError("it is no JSON object")
        arrays = record.with_name(ARRAYS)
        return result_of(envelope, read_npz(arrays) if arrays.exists() else {})
    except OSError as error:
        raise OptionError(f"cannot read {record}: {error.strerror or error}. Give the folder of a result.") from error
    except (ValueError, RecursionError, OptionError) as error:
        what = str(error).splitlines()[0].rstrip(".")
        raise OptionError(f"{record} is no result of inspectnet: {what}. Make it again.") from error
