"""Options that several commands share, and what their texts mean."""

import glob
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption

from inspectnet.cli.telling import remark
from inspectnet.errors import ImageError, OptionError
from inspectnet.files.parsing import whole_number

if TYPE_CHECKING:
    from inspectnet.images import Collection
    from inspectnet.network import Network
    from inspectnet.results import SkippedImage
    from inspectnet.rules import Policy


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    command: str
    options: Mapping[str, Any]
    images: list[str] = field(default_factory=list)
    """The signatures of the collections of images that were found for it."""


request: ContextVar[Request] = ContextVar("request")


def path_of(text: str) -> Path:
    """A path that was said; an empty text, of a variable that is not set, would mean this folder."""
    if not text.strip():
        raise OptionError("the path is empty, after --images or --out. Say one, or leave the option out.")
    return Path(text)


RESULTS = Path("out")  # holds results of all models and commands, unless the user says where they go


def out_folder(text: str) -> Any:
    """The option --out of a command that writes a folder."""
    return typer.Option("--out", "-o", help=text, metavar="FOLDER", parser=path_of, show_default=False)


Model = Annotated[Path, typer.Argument(metavar="MODEL", help="An ONNX file.", show_default=False)]
OneLayer = Annotated[str, typer.Option("--layer", "-l", help="The layer, by any of its names.", show_default=False)]
Layers = Annotated[
    list[str],
    typer.Option(
        "--layer",
        "-l",
        help="A layer, by any of its names, a glob, or one map of it, as conv5:212; repeatable.",
        show_default=False,
    ),
]
OutFile = Annotated[
    Path,
    typer.Option("--out", "-o", help="The .onnx file to write.", metavar="FILE", parser=path_of, show_default=False),
]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there, but never a file that is read.")]
METHOD = "deconvnet, guided_backprop or gradient; options by colons, as deconvnet:unpool=overwrite:lrn=gradient."
Method = Annotated[str, typer.Option("--method", "-m", help=METHOD)]
Projections = Annotated[str, typer.Option("--method", "-m", help=f"Several by commas: {METHOD}")]
METHODS = (
    "Methods by commas, their options by colons, as smoothgrad:samples=16,grad_cam:layer=conv4; or all: {methods}."
)
Methods = Annotated[str, typer.Option("--method", "-m", help=METHODS)]
Classes = Annotated[
    Path | None,
    typer.Option(
        help="What the classes are called: names, one a line, or a TSV; if the model does not say.",
        metavar="FILE",
        parser=path_of,
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
BatchSize = Annotated[str, typer.Option(help="Images per run of the network; auto or a number.")]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Threads that decode; by default all cores.", show_default=False)
]


class Command(TyperCommand):
    """A command whose help names the methods there are; their import waits until somebody asks for it."""

    def format_help(self, *to: Any) -> None:
        """Write the help."""
        for option in self.params:
            if isinstance(option, TyperOption) and "{methods}" in (option.help or ""):
                from inspectnet.methods import describe_methods

                option.help = (option.help or "").format(methods=describe_methods())
        super().format_help(*to)


def policy_of(method: str) -> "Policy":
    """The policy of the method that is said, with its options. Raises OptionError."""
    from inspectnet.methods import parse_policy

    return parse_policy(method)


def images_at_once(text: str, network: "Network") -> int:
    """Images per run: what keeps the device busy, if the user leaves it open."""
    if text == "auto":
        return network.fixed_batch or (64 if network.device.cuda else 16)
    if not (size := whole_number(text)):
        raise OptionError(f"--batch-size '{text}' is neither auto nor a number from 1 up.")
    return size


def collection_of(images: Path, out: Path | None, default: Path | None = RESULTS) -> "Collection":
    """The images, without results that lie among them in `out`, `out`-2 ... or, where none is said, in `default`.

    Raises ImageError.
    """
    from inspectnet.images import find_images

    if out and images.is_dir() and images.resolve() == out.resolve():
        raise ImageError(f"results in {out} would be taken for images the next time. Choose another --out.")
    inside = out and images.is_dir() and out.is_dir() and out.resolve().is_relative_to(images.resolve())
    if out and inside and _holds_photos(out):
        raise ImageError(f"{out} holds photos, and a folder for results is not looked into. Choose another --out.")
    results = out or default
    numbered = results.parent.glob(f"{glob.escape(results.name)}-[0-9]*") if results else []
    others = [path for path in numbered if path.name.rpartition("-")[2].isdecimal()]
    collection = find_images(images, without=[results, *others] if results else [])
    request.get().images.append(collection.signature())
    return collection


def _holds_photos(folder: Path) -> bool:
    """Whether a folder has images in it that are no results, whole or left by a run that was killed."""
    from inspectnet.files.staging import PREFIX
    from inspectnet.images.kinds import is_image
    from inspectnet.report.folder import RECORD

    names = [path.name for path in folder.iterdir()]
    results = any(name == RECORD or name.startswith(PREFIX) for name in names)
    return not results and any(map(is_image, names))


def say_skipped(skipped: Sequence["SkippedImage"], where: str) -> None:
    """Say on stderr which images could not be read; all of them stand in `where`."""
    for image in skipped[:5]:
        remark(f"skipped {image.image}: {image.reason}")
    if len(skipped) > 5:
        remark(f"skipped {len(skipped)} images in all; {where} names them")


def onnx_file(out: Path) -> Path:
    """The file to write, if its name can be one of a model."""
    if out.suffix != ".onnx":
        raise OptionError(f"'{out}' is not the name of an .onnx file. Give one with -o, as inverse.onnx.")
    return out
