"""The options that open a model, and the network they open."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from inspectnet.cli.options import OPENING, RUNNING, floats, option
from inspectnet.cli.remarks import remark
from inspectnet.errors import OptionError
from inspectnet.files.parsing import whole_number

if TYPE_CHECKING:
    from inspectnet.network import Network

DeviceName = Annotated[str, option("auto, cpu, cuda or cuda:1.", "--device", metavar="DEVICE", group=RUNNING)]


def _opening(text: str, metavar: str) -> Any:
    return option(text, metavar=metavar, group=OPENING)


Alias = Annotated[
    list[str] | None, _opening("A further name of a layer, as conv5=features.10; repeatable.", "NAME=LAYER")
]
InputSize = Annotated[str, _opening("The size of the network's input, as 224,224.", "H,W")]
Scores = Annotated[str, _opening("The layer or output that holds the class scores, if there are several.", "LAYER")]


@dataclass(frozen=True)
class Preprocessing:
    """What the user says about preprocessing; what is left open the model says."""

    mean: Annotated[str, _opening("The mean of each channel of pixels in 0..1, as 0.485,0.456,0.406.", "R,G,B")] = ""
    std: Annotated[str, _opening("The deviation of each channel of pixels in 0..1.", "R,G,B")] = ""
    input_size: InputSize = ""
    crop_pct: Annotated[float | None, _opening("Side of the crop as part of the resized image.", "0..1")] = None
    interpolation: Annotated[str, _opening("bilinear, bicubic, nearest, lanczos, box or hamming.", "NAME")] = ""
    crop_mode: Annotated[str, _opening("center, squash or border.", "NAME")] = ""
    channel_order: Annotated[str, _opening("rgb or bgr.", "ORDER")] = ""

    def said(self) -> dict[str, Any]:
        """Only what was said, in the vocabulary of Preparation. Raises OptionError."""
        meant = vars(self) | {
            "mean": self.mean and floats(self.mean, "--mean"),
            "std": self.std and floats(self.std, "--std"),
            "input_size": _extents(self.input_size),
        }
        return {key: value for key, value in meant.items() if value not in (None, "")}


@dataclass(frozen=True)
class Opening:
    """How a model is opened: where it runs, what its pixels are, what else its layers are called."""

    device: DeviceName = "auto"
    preprocessing: Preprocessing = Preprocessing()
    alias: Alias = None

    def open(self, model: Path, *, photos: bool | None = True, scores: str = "") -> "Network":
        """The opened model. scores: the layer that holds the class scores.

        photos: that it takes photos, or if None that it may; then stderr tells what was taken for granted. Raises
        OptionError, ModelError.
        """
        from inspectnet.graph.unlisted import tell_unlisted
        from inspectnet.opening import open_network

        said = self.preprocessing.said()
        pairs = [text.partition("=") for text in self.alias or []]
        for name, equals, layer in pairs:
            if not (name and equals and layer):
                raise OptionError(f"--alias '{name}{equals}{layer}' is not NAME=LAYER, as conv5=features.10.")
        aliases = {name: layer for name, _, layer in pairs}
        opened = open_network(model, device=self.device, preparation=said, aliases=aliases, scores=scores)
        if (opened.photos if photos is None else photos) and opened.preparation:
            if self.device != "auto" or opened.device.hindered:
                remark(f"device: {opened.device.why}", quiet=not opened.device.hindered)
            guessed, source = opened.preparation_source.startswith("a guess"), opened.preparation_source
            remark(f"preprocessing: {source}", quiet=not guessed)
            if opened.unknown:
                remark(tell_unlisted(opened.unknown))
        return opened


def _extents(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    sides = [whole_number(part.strip()) for part in text.split(",")]
    if len(sides) != 2 or not all(sides):
        raise OptionError(f"--input-size '{text}' is not H,W in whole numbers, as 224,224.")
    return sides[0] or 0, sides[1] or 0
