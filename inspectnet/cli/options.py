"""Options that several commands share, and what their texts mean."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from inspectnet import samples
from inspectnet.cli.completion import complete_layer
from inspectnet.cli.examples import EXAMPLES
from inspectnet.cli.remarks import remark
from inspectnet.errors import OptionError
from inspectnet.files.inputs import read_input
from inspectnet.files.parsing import whole_number

if TYPE_CHECKING:
    from inspectnet.images import Collection
    from inspectnet.index import Index as OpenedIndex
    from inspectnet.network import Network
    from inspectnet.results import SkippedImage
    from inspectnet.rules import Policy


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    command: str
    options: Mapping[str, Any]
    images: list[str] = field(default_factory=list)
    """The signatures and states of the collections of images that were found for it."""


request: ContextVar[Request] = ContextVar("request")


def path_of(text: str) -> Path:
    """A path that was said; an empty text, of a variable that is not set, would mean this folder."""
    if not text.strip():
        raise OptionError("the path is empty, after --images or --out. Say one, or leave the option out.")
    return Path(text)


def onnx_path(text: str) -> Path:
    """A file to write whose name can be one of a model."""
    if (out := path_of(text)).suffix != ".onnx":
        raise OptionError(f"'{out}' is not the name of an .onnx file. Give one with -o, as inverse.onnx.")
    return out


RESULTS = Path("out")  # holds results of all models and commands, unless the user says where they go
OPENING, RUNNING, KEEPING = "Opening the model", "Running", "Results"  # groups of options in the help

IMAGES = "A photo, a folder, a .txt or .csv list, a .tar, s3://bucket/prefix; repeatable."
SAME = "The same as --images."
LAYERS = "A layer, by any of its names, or a glob; repeatable."
ADDRESSES = "A layer, by any of its names, or a glob, or one map of it, as conv5:212; repeatable."
METHOD = "deconvnet, guided_backprop or gradient; options by colons, as deconvnet:unpool=overwrite:lrn=gradient."
# with what describe_methods gives, which a help that asks for it would import all there is for
METHODS = (
    "Methods by commas, their options by colons, as smoothgrad:samples=16,grad_cam:layer=conv4; or all: "
    "deconvnet (unpool=sum lrn=LRN), guided_backprop (unpool=sum lrn=LRN), gradient (unpool=sum lrn=LRN), "
    "input_x_gradient, integrated_gradients (steps=64 baseline=0.0), smoothgrad (samples=50 noise=0.15 seed=0), "
    "grad_cam (layer=LAYER), layer_cam (layer=LAYER), guided_grad_cam (layer=LAYER), grad_cam_pp (layer=LAYER), "
    "lrp (composite=epsilon_plus epsilon=1e-06 gamma=0.25 bias=share)."
)
CLASS = "The class, by its number, its name, a word or a part of that; by default the photo's label or likeliest one."
OUT, FORCE = "By default out/MODEL/COMMAND.", "Replace what is there, but never a file that is read."
FILE = "The .onnx file to write."
INDEX = "An index that scan has made, in place of --images: nothing is scanned again."
ENGINE = "Who does the work: this machine, or a Ray cluster (RAY_ADDRESS, or one of its own)."
WORKERS = "Processes; by default one, or one for each GPU."
RETRY = "Look again at shards with unreadable images."
THREADS = "Threads that decode; by default all cores."
HIDING = "How hidden places are computed: what changes, or the whole network each time; auto: the faster one."
CLASSES = "What the classes are called: names, one a line, or a TSV; if the model does not say."


def option(text: str, *names: str, group: str | None = None, **more: Any) -> Any:
    """An option, in a group of the help."""
    return typer.Option(*names, help=text, rich_help_panel=group, **more)


def path(text: str, *names: str, metavar: str = "PATH", **more: Any) -> Any:
    """An option that is a path."""
    return option(text, *names, metavar=metavar, **{"parser": path_of, **more})


def layers(text: str) -> Any:
    """The option --layer, with a text of its own; the shell completes the names of the model's layers."""
    return option(text, "--layer", "-l", metavar="LAYER", autocompletion=complete_layer)


def seed(text: str) -> Any:
    """The option --seed; text: what is drawn by it."""
    return option(text, min=0, metavar="N", group=RUNNING)


Model = Annotated[Path, typer.Argument(metavar="MODEL", help="An ONNX file.")]
Models = Annotated[list[Path], typer.Argument(metavar="MODEL...", help="ONNX files.")]
OneLayer = Annotated[str, layers("The layer, by any of its names.")]
Layers = Annotated[list[str], layers(LAYERS)]
Addresses = Annotated[list[str], layers(ADDRESSES)]
Class = Annotated[str | None, option(CLASS, "--class", "-c", metavar="CLASS")]
Classes = Annotated[Path | None, path(CLASSES, metavar="FILE", group=OPENING)]
Method = Annotated[str, option(METHOD, "--method", "-m", metavar="METHOD")]
Projections = Annotated[str, option(f"Several by commas: {METHOD}", "--method", "-m", metavar="METHODS")]
Methods = Annotated[str | None, option(METHODS, "--method", "-m", metavar="METHODS")]
Index = Annotated[Path | None, path(INDEX, "--index", metavar="FOLDER")]
BatchSize = Annotated[str, option("Images per run of the network; auto or a number.", metavar="N", group=RUNNING)]
HidingEngine = Annotated[str, option(HIDING, "--engine", metavar="auto|incremental|whole", group=RUNNING)]
Threads = Annotated[int | None, option(THREADS, min=1, metavar="N", group=RUNNING)]
Engine = Annotated[str, option(ENGINE, metavar="local|ray", group=RUNNING)]
Workers = Annotated[int | None, option(WORKERS, min=1, metavar="N", group=RUNNING)]
RetryFailed = Annotated[bool, option(RETRY, "--retry-failed")]
OutFile = Annotated[Path, path(FILE, "--out", "-o", metavar="FILE", group=KEEPING, parser=onnx_path)]
OutFolder = Annotated[Path | None, path(OUT, "--out", "-o", metavar="FOLDER", group=KEEPING)]
Force = Annotated[bool, option(FORCE, "--force", group=KEEPING)]
Format = Annotated[str, option("The form of figures; several by commas.", metavar="png,svg,pdf", group=KEEPING)]
AsJson = Annotated[bool, option("Print JSON.", "--json", group=KEEPING)]
Wide = Annotated[bool, option("Print all columns, on a narrow terminal too.", "--wide", group=KEEPING)]


class Command(TyperCommand):
    """A command whose help groups its options and ends in examples."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments. Raises OptionError for an option of one value said twice, as one would be lost."""
        order: list[Any] = [] if ctx.resilient_parsing else self.make_parser(ctx).parse_args(list(args))[2]
        for option in order:
            one = option.param_type_name == "option" and not (option.multiple or option.is_flag)
            if one and order.count(option) > 1:
                raise OptionError(f"{option.opts[0]} is said more than once. {self.name} takes one.")
        rest: list[str] = super().parse_args(ctx, args)
        return rest

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options by group."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
            group = groups.setdefault(getattr(parameter, "rich_help_panel", None) or usual, [])
            if record := parameter.get_help_record(ctx):  # whose name may end in a type of Python's
                group.append((re.sub(r" <[^<>]*>$", "", record[0]), record[1]))
        for name, records in groups.items():
            with formatter.section(name):
                formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples, one a line, whose lines are not filled as text."""
        with formatter.section("Examples"):
            formatter.write("".join(f"  inspectnet {example}\n" for example in EXAMPLES[self.name or ""]))


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


@dataclass(frozen=True)
class Images:
    """The images that a command looks at: arguments after the model, as shells make of photos/*.jpg, and --images."""

    photos: Annotated[list[Path] | None, typer.Argument(metavar="IMAGES", help=SAME, parser=path_of)] = None
    images: Annotated[list[Path] | None, path(f"{IMAGES} By default the sample photos.", "--images")] = None

    @property
    def said(self) -> list[Path]:
        """Where the user says that images are."""
        return [*(self.images or []), *(self.photos or [])]

    def find(self, out: Path | None) -> "Collection":
        """The images, those of the sample photos if nothing is said. Raises ImageError."""
        return find_images(self.said, None, out)


def files_of(checkpoints: Sequence[Path]) -> list[Path]:
    """The files of checkpoints, those of a folder in the order of their names."""
    return [file for given in checkpoints for file in (sorted(given.glob("*.onnx")) if given.is_dir() else [given])]


def find_images(said: Sequence[Path], index: Path | None, out: Path | None) -> "Collection":
    """The images of an index, or those that are said, by default the sample photos. Raises OptionError for both."""
    if index is None:
        return collection_of(said or [samples.folder()], out)
    if said:
        raise OptionError("--index holds its own images. Leave it out, or the other images.")
    return open_index(index)


def open_index(folder: Path) -> "OpenedIndex":
    """The index in a folder. Raises OptionError."""
    from inspectnet import index

    opened = index.open_index(folder)
    request.get().images.append(opened.signature())
    return opened


def collection_of(images: Sequence[Path], out: Path | None) -> "Collection":
    """The images, without results that lie among them. Raises ImageError."""
    from inspectnet.classes import tables_beside
    from inspectnet.images import join
    from inspectnet.report.own_results import find_images_among_results

    collections, asked = [find_images_among_results(source, out, RESULTS) for source in images], request.get()
    collection = join(collections)
    asked.images.extend([collection.signature(), collection.state()])
    if "classes" in asked.options and not asked.options["classes"]:  # which tables beside the images may name
        tables = [table for found in collections for table in tables_beside(found.source)]
        asked.images.extend(hashlib.sha256(read_input(table)).hexdigest() for table in tables)
    return collection


def floats(text: str, name: str, example: str = "0.485,0.456,0.406") -> tuple[float, ...]:
    """The numbers of a list. Raises OptionError."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise OptionError(f"{name} '{text}' is not a list of numbers. Write it like {example}.") from None


def say_skipped(skipped: Sequence["SkippedImage"], where: str) -> None:
    """Say on stderr which images could not be read; all of them stand in `where`."""
    for image in skipped[:5]:
        remark(f"skipped {image.image}: {image.reason}")
    if len(skipped) > 5:
        remark(f"skipped {len(skipped)} images in all; {where} names them")
