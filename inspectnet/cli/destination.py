"""Where the results of a command go, and what makes its run another than one that was there before."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeVar

from inspectnet.cli import options
from inspectnet.cli.options import KEEPING, option
from inspectnet.cli.remarks import remark
from inspectnet.files.inputs import read_input
from inspectnet.report.lines import show_files, show_json

if TYPE_CHECKING:
    from inspectnet.figures.display import Display
    from inspectnet.network import Network
    from inspectnet.progress import Progress
    from inspectnet.report.folder import OutputFolder
    from inspectnet.results import Result

CLIP = "The percentile of |x| that has full contrast in pictures of signals; above 0; 100 cuts nothing off."
SCALE = "What shares one scale in pictures of signals."


T = TypeVar("T", bound="Result")

LOOKS = ("format", "clip", "scale", "zoom", "names")
FILES = ("classes", "boxes", "parts")  # options that name a file which decides a result
# options that change no result
INDIFFERENT = ("photos", "out", "force", "as_json", "wide", "verbose", "batch_size", "threads", *LOOKS)


def _as_json(value: object) -> object:
    """What was said for an option: paths become texts."""
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _hash_of(path: Path) -> str | None:
    """A hash of a file that an option names, which may hold something else today; None for what cannot be read."""
    try:
        return hashlib.sha256(read_input(path)).hexdigest()
    except OSError:
        return None


def _opened(network: "Network") -> str:
    """A hash of what was said of a network beside its file: how photos become inputs, what its classes are called."""
    photos = network.photos and network.photos.to_json()
    return hashlib.sha256(json.dumps([photos, network.classes, network.epoch]).encode()).hexdigest()


@dataclass(frozen=True)
class RecordDestination:
    """Where the results of a command without pictures go, if anywhere."""

    keeps: ClassVar[bool] = False
    """Whether they are written where no folder was asked for."""

    out: options.OutFolder = None
    force: options.Force = False
    as_json: options.AsJson = False
    wide: options.Wide = False

    def _claim(self, default: str, networks: Sequence["Network"]) -> tuple[Path, dict[str, object]]:
        """The folder for results, by default one for the models of that name, and what makes the run this one."""
        asked = options.request.get()
        said = dict(asked.options)
        if "photos" in said:  # which are images as well
            said["images"] = [*(said["images"] or []), *(said["photos"] or [])]
        chosen = {name.rstrip("_"): _as_json(value) for name, value in said.items() if name not in INDIFFERENT}
        models = [network.sha256 for network in networks]
        claim: dict[str, object] = {
            "command": asked.command,
            "options": chosen,
            "models": models,
            "opened": [_opened(network) for network in networks],
            "named": {name: _hash_of(path) for name, path in said.items() if name in FILES and path},
            "images": asked.images,
        }
        return self.out or options.RESULTS / default / asked.command, claim

    @contextmanager
    def folder(
        self, networks: Sequence["Network"], name: str = "", forms: Sequence[str] = ("png",)
    ) -> "Iterator[OutputFolder]":
        """The folder for results, all in place when the block ends; says so where it is another than the default."""
        from inspectnet.report.folder import output_folder

        path, claim = self._claim(name or "-".join(network.path.stem for network in networks), networks)
        with output_folder(path, claim, beside=self.out is None, force=self.force, forms=forms) as folder:
            if folder.path != path:
                what = f"{path} holds the results of another run, so these go to {folder.path}"
                remark(f"{what} (--force replaces them)")
            yield folder

    def _forms(self) -> list[str]:
        """The forms in which figures are written. Raises OptionError for an unknown one."""
        return ["png"]

    def _display(self) -> "Display":
        """How signals are drawn."""
        from inspectnet.figures.display import Display

        return Display()

    def finish(
        self, networks: Sequence["Network"], analyse: Callable[["Progress"], T], *, name: str = "", **shown: bool
    ) -> T:
        """Run an analysis, write its result and print it, and last where its pictures are.

        shown: what else its presenter is told. Raises OutputError before the work if nothing can be written.
        """
        from inspectnet.report.envelope import envelope_text
        from inspectnet.report.folder import RECORD
        from inspectnet.report.keeping import write_result
        from inspectnet.report.progress import progress
        from inspectnet.report.tables import all_columns
        from inspectnet.report.topics import presenter

        display, forms = self._display(), self._forms()  # which may be refused, before the work
        if not (self.keeps or self.out):
            result = analyse(progress)
            text, where, files = (envelope_text(result) if self.as_json else ""), None, []
        else:
            with self.folder(networks, name, forms) as folder:
                result = analyse(progress)
                write_result(folder, result, display)
            text, where, files = folder.record_text, folder.path, folder.pictures
        images = result.about.images
        options.say_skipped(images.skipped if images else (), RECORD if where else "--json")
        if self.as_json:
            show_json(text)
            return result
        with all_columns(self.wide):
            presenter(result).print_result(result, **shown)
        if where:
            show_files(where, files)
        return result


@dataclass(frozen=True)
class Destination(RecordDestination):
    """Where results with pictures go."""

    keeps: ClassVar[bool] = True

    format: options.Format = "png"

    def _forms(self) -> list[str]:
        from inspectnet.figures.encoding import check_formats

        return check_formats(self.format.split(","))


@dataclass(frozen=True)
class SignalDestination(Destination):
    """Where results with pictures of signals go, and how those are drawn."""

    clip: Annotated[float, option(CLIP, metavar="PERCENT", group=KEEPING)] = 99.5
    scale: Annotated[str, option(SCALE, metavar="tile|map|page", group=KEEPING)] = "tile"
    zoom: Annotated[bool, option("Show the part of each tile where its signal is.", group=KEEPING)] = True

    def _display(self) -> "Display":
        from inspectnet.figures.display import Display

        return Display(self.clip, self.scale, self.zoom)


@dataclass(frozen=True)
class GalleryDestination(SignalDestination):
    """Where galleries go, whose photos may be named."""

    names: Annotated[bool, option("Name the photos under their patches.", "--names", group=KEEPING)] = False

    def _display(self) -> "Display":
        return replace(super()._display(), names=self.names)
