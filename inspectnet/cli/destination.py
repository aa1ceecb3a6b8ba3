"""Where the results of a command go, and what makes its run another than one that was there before."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeVar

import typer

from inspectnet.cli import options
from inspectnet.cli.telling import remark
from inspectnet.report.lines import show, show_json

if TYPE_CHECKING:
    from inspectnet.figures.display import Display
    from inspectnet.network import Network
    from inspectnet.report.folder import OutputFolder
    from inspectnet.results import Result

T = TypeVar("T", bound="Result")

LOOKS = ("format", "clip", "scale", "zoom", "names")
INDIFFERENT = ("out", "force", "as_json", "batch_size", "threads", *LOOKS)  # options that change no result

Out = Annotated[Path | None, options.out_folder("A folder for the results; by default out/MODEL/COMMAND.")]

Format = Annotated[str, typer.Option(metavar="png,svg,pdf", help="The form of figures; several by commas.")]


def _as_json(value: object) -> object:
    """What was said for an option: paths become texts."""
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    return str(value) if isinstance(value, Path) else value


@dataclass(frozen=True)
class RecordDestination:
    """Where the results of a command without pictures go, if anywhere."""

    keeps: ClassVar[bool] = False
    """Whether they are written where no folder was asked for."""

    out: Out = None
    force: options.Force = False

    @contextmanager
    def folder(self, default: str, networks: Sequence["Network"]) -> Iterator["OutputFolder"]:
        """The folder for results, by default one for the models of that name; says so if it is not the one asked for.

        Raises OutputError.
        """
        from inspectnet.report.folder import output_folder

        asked = options.request.get()
        path = self.out or options.RESULTS / default / asked.command
        chosen = {name.rstrip("_"): _as_json(value) for name, value in asked.options.items() if name not in INDIFFERENT}
        models = [network.sha256 for network in networks]
        claim = {"command": asked.command, "options": chosen, "models": models, "images": asked.images}
        with output_folder(path, claim, beside=self.out is None, force=self.force, forms=self._forms()) as folder:
            if folder.path != path:
                remark(f"{path} holds the results of another run, so these go to {folder.path} (--force replaces them)")
            yield folder

    def _forms(self) -> list[str]:
        """The forms in which figures are written. Raises OptionError for an unknown one."""
        return ["png"]

    def _display(self) -> "Display":
        """How signals are drawn."""
        from inspectnet.figures.display import Display

        return Display()

    def finish(self, networks: Sequence["Network"], analyse: Callable[[], T], *, as_json: bool, name: str = "") -> T:
        """Run an analysis, write its result and print it.

        Raises OutputError before the work if nothing can be written.
        """
        from inspectnet.report.envelope import envelope_text
        from inspectnet.report.folder import RECORD
        from inspectnet.report.keeping import write_result
        from inspectnet.report.topics import presenter

        display = self._display()  # which may be refused, before the work
        if not (self.keeps or self.out):
            result = analyse()
            text, where = (envelope_text(result) if as_json else ""), ""
        else:
            default = name or "-".join(network.path.stem for network in networks)
            with self.folder(default, networks) as folder:
                result = analyse()
                write_result(folder, result, display)
            text, where = folder.record_text, str(folder.path)
        images = result.about.images
        options.say_skipped(images.skipped if images else (), RECORD if where else "--json")
        if as_json:
            show_json(text)
        else:
            presenter(result).print_result(result)
            if where:
                show(f"-> {where}")
        return result


@dataclass(frozen=True)
class Destination(RecordDestination):
    """Where results with pictures go."""

    keeps: ClassVar[bool] = True

    format: Format = "png"

    def _forms(self) -> list[str]:
        from inspectnet.figures.encoding import check_formats

        return check_formats(self.format.split(","))


CLIP = "The percentile of |x| that has full contrast in pictures of signals; 100 cuts nothing off."

Clip = Annotated[float, typer.Option(help=CLIP)]
Scale = Annotated[str, typer.Option(metavar="tile|map|page", help="What shares one scale in pictures of signals.")]
Zoom = Annotated[bool, typer.Option(help="Show the part of each tile where its signal is.")]
Names = Annotated[bool, typer.Option("--names", help="Name the photos under their patches.")]


@dataclass(frozen=True)
class SignalDestination(Destination):
    """Where results with pictures of signals go, and how those are drawn."""

    clip: Clip = 99.5
    scale: Scale = "tile"
    zoom: Zoom = True

    def _display(self) -> "Display":
        from inspectnet.figures.display import Display

        return Display(self.clip, self.scale, self.zoom)


@dataclass(frozen=True)
class GalleryDestination(SignalDestination):
    """Where galleries go, whose photos may be named."""

    names: Names = False

    def _display(self) -> "Display":
        return replace(super()._display(), names=self.names)
