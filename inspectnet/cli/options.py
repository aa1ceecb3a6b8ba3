"""Options that several commands share, what their texts mean, and the network they open."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspectnet.errors import ImageError, InspectError, OptionError

if TYPE_CHECKING:
    from inspectnet.graph.units import Unit
    from inspectnet.images import Collection
    from inspectnet.network import Network
    from inspectnet.rules import Policy


def path_of(text: str) -> Path:
    """A path that was said; an empty text, of a variable that is not set, would mean this folder."""
    if not text.strip():
        raise OptionError("the path is empty, after --images or --out. Say one, or leave the option out.")
    return Path(text)


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
Method = Annotated[str, typer.Option(help="deconvnet, guided_backprop or gradient.")]
Unpool = Annotated[str, typer.Option(help="Values that share a switch: sum, overwrite; or centre of the window.")]
Lrn = Annotated[
    str, typer.Option(help="Response normalisation: identity or gradient; by default as the method has it.")
]
DeviceName = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:1.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Alias = Annotated[list[str], typer.Option(help="A further name of a layer, as conv5=features.10; repeatable.")]
Mean = Annotated[str, typer.Option(help="Preprocessing: mean per channel of pixels in 0..1, as 0.485,0.456,0.406.")]
Std = Annotated[str, typer.Option(help="Preprocessing: deviation per channel of pixels in 0..1.")]
InputSize = Annotated[str, typer.Option(help="Preprocessing: H,W of the network's input.")]
CropPct = Annotated[float | None, typer.Option(help="Preprocessing: side of the crop as part of the resized image.")]
Interpolation = Annotated[str, typer.Option(help="Preprocessing: bilinear, bicubic, nearest, lanczos or box.")]
CropMode = Annotated[str, typer.Option(help="Preprocessing: center, squash or border.")]
ChannelOrder = Annotated[str, typer.Option(help="Preprocessing: rgb or bgr.")]

BatchSize = Annotated[str, typer.Option(help="Images per run of the network; auto or a number.")]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Threads that decode; by default all cores.", show_default=False)
]


def preprocessing(
    mean: str = "",
    std: str = "",
    input_size: str = "",
    crop_pct: float | None = None,
    interpolation: str = "",
    crop_mode: str = "",
    channel_order: str = "",
) -> dict[str, Any]:
    """What the user says about preprocessing, in the vocabulary of Preparation; only what was said."""
    said = {
        "mean": _floats(mean, "--mean"),
        "std": _floats(std, "--std"),
        "input_size": _extents(input_size),
        "crop_pct": crop_pct,
        "interpolation": interpolation,
        "crop_mode": crop_mode,
        "channel_order": channel_order,
    }
    return {key: value for key, value in said.items() if value not in (None, "")}


def open_network(
    model: Path, device: str, alias: list[str], said: dict[str, Any] | None = None, *, quiet: bool = False
) -> "Network":
    """The opened model; says on stderr what was taken for granted."""
    from inspectnet import network

    pairs = [text.partition("=") for text in alias]
    for name, equals, layer in pairs:
        if not (name and equals and layer):
            raise OptionError(f"--alias '{name}{equals}{layer}' is not NAME=LAYER, as conv5=features.10.")
    opened = network.open_network(
        model, device=device, preparation=said or {}, aliases={name: layer for name, _, layer in pairs}
    )
    if not quiet:
        typer.secho(f"device: {opened.device.why}", err=True, dim=True)
        guessed = opened.preparation_source.startswith("a guess")
        typer.secho(
            f"preprocessing: {opened.preparation_source}", err=True, fg="yellow" if guessed else None, dim=not guessed
        )
    return opened


def policy_of(method: str, unpool: str, lrn: str) -> "Policy":
    """The policy that the options mean."""
    from inspectnet.rules import Policy

    return Policy(method, unpool, lrn)


def unit_of(network: "Network", text: str) -> "Unit":
    """The layer or unit that an address means; a name of the file, as conv/Relu:0, before an address that looks so."""
    from inspectnet.graph.units import Unit, parse_unit

    try:
        network.match([text])
    except InspectError:  # no name, so an address
        return parse_unit(text)
    return Unit(text)


def images_at_once(text: str, network: "Network") -> int:
    """Images per run: what keeps the device busy, if the user leaves it open."""
    if text == "auto":
        return network.fixed_batch or (64 if network.device.cuda else 16)
    if not (size := whole_number(text)):
        raise OptionError(f"--batch-size '{text}' is neither auto nor a number from 1 up.")
    return size


def collection_of(images: Path, out: Path | None, without: Path | None) -> "Collection":
    """The images, without results `without` that lie among them."""
    from inspectnet.images import find_images

    if out and images.is_dir() and images.resolve() == out.resolve():
        raise ImageError(f"results in {out} would be taken for images the next time. Choose another --out.")
    return find_images(images, without=without)


def say_skipped(skipped: list[dict[str, Any]], where: str) -> None:
    """Say on stderr which images could not be read; all of them stand in `where`."""
    for each in skipped[:5]:
        typer.secho(f"skipped {each['image']}: {each['reason']}", err=True, fg="yellow")
    if len(skipped) > 5:
        typer.secho(f"skipped {len(skipped)} images in all; {where} names them", err=True, fg="yellow")


def onnx_file(out: Path) -> Path:
    """The file to write, if its name can be one of a model."""
    if out.suffix != ".onnx":
        raise OptionError(f"'{out}' is not the name of an .onnx file. Give one with -o, as inverse.onnx.")
    return out


def whole_number(text: str) -> int | None:
    """The number that plain digits mean; None for any other text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _extents(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    sides = [whole_number(part.strip()) for part in text.split(",")]
    if len(sides) != 2 or not all(sides):
        raise OptionError(f"--input-size '{text}' is not H,W in whole numbers, as 224,224.")
    return sides[0] or 0, sides[1] or 0


def _floats(text: str, option: str) -> tuple[float, ...] | None:
    try:
        return tuple(float(part) for part in text.split(",")) if text else None
    except ValueError:
        raise OptionError(f"{option} '{text}' is not a list of numbers. Write it like 0.485,0.456,0.406.") from None
