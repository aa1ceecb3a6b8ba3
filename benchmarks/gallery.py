"""The gallery of Fig. 2, the top 9 of 32 maps of each layer: inspectnet against Captum as its users run it.

Captum: one call of NeuronDeconvolution for each unit, on the whole network; timed on some units and scaled.
"""

import argparse
import tempfile
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from captum.attr import NeuronDeconvolution

from benchmarks.nets import NETS, Net, make
from benchmarks.rounds import RATIO, Times, difference, in_turns, milliseconds, print_setting, print_table, ratio
from inspectnet.geometry import Box, Unit
from inspectnet.inverse import Projection
from inspectnet.rules import Policy

LAYERS = ["conv1", "conv2", "conv3", "conv4", "conv5"]
MAPS, TOP, IMAGES = 32, 9, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", nargs="+", choices=list(NETS), default=["zfnet"])
    parser.add_argument("--units", type=int, default=12, help="of each layer on which Captum is timed")
    parser.add_argument("--rounds", type=int, default=3)
    said = parser.parse_args()
    warnings.simplefilter("ignore")  # Captum warns at every call
    print_setting(said.rounds)
    with tempfile.TemporaryDirectory() as folder:
        for name in said.net:
            measure(make(name, Path(folder)), said.units, said.rounds)


def measure(net: Net, units: int, rounds: int) -> None:
    x = net.images(IMAGES)
    units = {layer: winners(net, layer, x.numpy()) for layer in LAYERS}
    some = {layer: units[layer][:: len(units[layer]) // units][:units] for layer in LAYERS}
    contenders: dict[str, Callable[[], object]] = {}
    for layer in LAYERS:
        contenders[f"inspectnet {layer}"] = partial(project, net, layer, x.numpy(), units[layer], Policy())
        contenders[f"captum {layer}"] = partial(attribute, net, layer, x, some[layer])
    times = in_turns(contenders, rounds)
    scaled = {layer: times[f"captum {layer}"].times(len(units[layer]) / len(some[layer])) for layer in LAYERS}
    ours = {layer: times[f"inspectnet {layer}"] for layer in LAYERS}
    ours["all"], scaled["all"] = total(list(ours.values())), total(list(scaled.values()))
    off = {layer: f"{disagreement(net, layer, x, some[layer][:3]):.0e}" for layer in LAYERS} | {"all": ""}
    rows = []
    for layer in [*LAYERS, "all"]:
        medians = milliseconds(ours[layer]), milliseconds(scaled[layer])
        rows.append([f"{net.name} {layer}", *medians, *ratio(scaled[layer], ours[layer]), off[layer]])
    print_table([f"{MAPS} x {TOP} units of", "inspectnet ms", "Captum ms", *RATIO, "difference"], rows)
    print(f"\nCaptum was timed on {units} of the {MAPS * TOP} units of each layer, and its times are scaled.")
    print("ratio: Captum's time over that of inspectnet, which goes the paper's way (LRN: identity). difference: the")
    print("largest, as a part of the largest pixel, where both go Captum's way (LRN: gradient).\n")


def winners(net: Net, layer: str, x: np.ndarray) -> list[Unit]:
    """The strongest units of 32 maps spread over the layer, in the 9 images that excite each of them most."""
    maxima = net.onnx.maxima(x, [layer])[layer]
    maps = np.linspace(0, maxima.values.shape[1] - 1, MAPS).astype(int).tolist()
    return [
        replace(maxima.unit(image, m), value=1.0)
        for m in maps
        for image in np.argsort(-maxima.values[:, m])[:TOP].tolist()
    ]


def project(net: Net, layer: str, x: np.ndarray, units: Sequence[Unit], policy: Policy) -> list[Projection]:
    return list(net.onnx.inverse(policy).project(x, layer, units))


def attribute(net: Net, layer: str, x: torch.Tensor, units: Sequence[Unit]) -> list[torch.Tensor]:
    method = NeuronDeconvolution(net.torch, net.torch[net.end_of(layer)])
    return [
        method.attribute(x[unit.image : unit.image + 1].clone().requires_grad_(True), (unit.map, unit.y, unit.x))
        for unit in units
    ]


def disagreement(net: Net, layer: str, x: torch.Tensor, units: Sequence[Unit]) -> float:
    """The largest of the differences between both projections of `units`."""
    ours = project(net, layer, x.numpy(), units, Policy(lrn="gradient"))
    theirs = attribute(net, layer, x, units)
    box = Box(0, 0, net.side, net.side)
    return max(difference(a.window(box), b.detach().numpy()[0]) for a, b in zip(ours, theirs, strict=True))


def total(parts: Iterable[Times]) -> Times:
    return Times(sum(p.wall for p in parts), sum(p.cpu for p in parts))


if __name__ == "__main__":
    main()
