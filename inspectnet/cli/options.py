"""Options that several commands share, and the network they open."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspectnet.errors import OptionError

if TYPE_CHECKING:
    from inspectnet.network import Network
    from inspectnet.rules import Policy

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="An ONNX file.", show_default=False)]
OneLayer = Annotated[str, typer.Option("--layer", "-l", help="The layer, by any of its names.", show_default=False)]
Layers = Annotated[
    list[str],
    typer.Option("--layer", "-l", help="A layer, by any of its names, or a glob; repeatable.", show_default=False),
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


def preprocessing(
    mean: str, std: str, input_size: str, crop_pct: float | None, interpolation: str, crop_mode: str, channel_order: str
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


def _extents(text: str) -> tuple[int, int] | None:
    parts = text.split(",")
    if text and not (len(parts) == 2 and all(part.strip().isdecimal() and int(part) > 0 for part in parts)):
        raise OptionError(f"--input-size '{text}' is not a height and a width. Write it like 224,224.")
    return (int(parts[0]), int(parts[1])) if text else None


def _floats(text: str, option: str) -> tuple[float, ...] | None:
    try:
        return tuple(float(part) for part in text.split(",")) if text else None
    except ValueError:
        raise OptionError(f"{option} '{text}' is not a list of numbers. Write it like 0.485,0.456,0.406.") from None
