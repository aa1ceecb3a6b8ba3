"""One unit's projection: inspectnet, cropped, against Captum's Deconvolution on a torch module cut at the layer."""

import argparse
import tempfile
import warnings
from pathlib import Path

import numpy as np
from captum.attr import Deconvolution, Saliency

from benchmarks.nets import NETS, Net, make
from benchmarks.rounds import RATIO, difference, in_turns, milliseconds, print_setting, print_table, ratio
from inspectnet.geometry import Unit
from inspectnet.methods import Deconvnet, Gradient
from inspectnet.rules import Policy

PAPER, SAME = Policy(), Policy(lrn="gradient")  # Captum takes LRN's true derivative, the paper none


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", nargs="+", choices=list(NETS), default=list(NETS))
    parser.add_argument("--layer", nargs="+", default=["conv5", "conv2"])
    parser.add_argument("--rounds", type=int, default=9)
    said = parser.parse_args()
    warnings.simplefilter("ignore")  # Captum warns at every call
    print_setting(said.rounds)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in said.net:
            net = make(name, Path(folder))
            rows += [row for layer in said.layer for row in measure(net, layer, said.rounds)]
    print_table(["one unit of", "LRN", "inspectnet ms", "Captum ms", *RATIO, "Deconvolution", "Saliency"], rows)
    print("\nratio: Captum's time over inspectnet's. The last two columns: the largest difference, as a part of the")
    print("largest pixel, from Captum's Deconvolution and, for the method gradient, from its Saliency.")


def measure(net: Net, layer: str, rounds: int) -> list[list[str]]:
    """A row for the paper's policy and one for Captum's own."""
    x = net.images(1)
    unit = strongest(net, layer, x.numpy())
    cut = net.torch[: net.end_of(layer) + 1]
    captum = Deconvolution(cut)
    pixels = x.clone().requires_grad_(True)
    units = [Unit(0, *unit)]
    times = in_turns(
        {
            "captum": lambda: captum.attribute(pixels, target=unit),
            "identity": lambda: list(net.onnx.inverse(PAPER).project(x.numpy(), layer, units)),
            "gradient": lambda: list(net.onnx.inverse(SAME).project(x.numpy(), layer, units)),
        },
        rounds,
    )
    theirs = captum.attribute(pixels, target=unit).detach().numpy()
    same = difference(Deconvnet(net.onnx, layer, lrn="gradient").attribute(x.numpy(), unit), theirs)
    saliency = Saliency(cut).attribute(pixels, target=unit, abs=False).detach().numpy()
    gradient = difference(Gradient(net.onnx, layer).attribute(x.numpy(), unit), saliency)
    differences = {"identity": ["", ""], "gradient": [f"{same:.0e}", f"{gradient:.0e}"]}
    rows = []
    for lrn in ("identity", "gradient"):
        medians = milliseconds(times[lrn]), milliseconds(times["captum"])
        rows.append([f"{net.name} {layer}", lrn, *medians, *ratio(times["captum"], times[lrn]), *differences[lrn]])
    return rows


def strongest(net: Net, layer: str, x: np.ndarray) -> tuple[int, int, int]:
    """The layer's strongest unit in the image: (map, y, x)."""
    activation = net.onnx.activations(x, layer)[0]
    map_, y, x_ = np.unravel_index(activation.argmax(), activation.shape)
    return int(map_), int(y), int(x_)


if __name__ == "__main__":
    main()
