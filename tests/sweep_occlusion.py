"""Hidden places of images, on the networks of the sweep: the incremental engine against the whole network.

`python tests/sweep_occlusion.py resnet18 densenet121` checks those, by default all; a line for each says the largest
difference, in parts of the largest value, the share of operators in windows, and from where on the rest is whole.
"""

import argparse
import sys
import tempfile
import warnings
from copy import deepcopy
from pathlib import Path

import numpy as np
import sweep_networks
import torch

import inspectnet
from inspectnet.graph.values import describe
from inspectnet.images.hiding import hidden_images
from inspectnet.images.occluder import slide
from inspectnet.incremental import Incremental
from inspectnet.incremental.cut import make_cut
from inspectnet.incremental.geometry import Geometry

LIMIT = 1e-5  # or by what the whole network is from its own answers in float64, where that is more
ACROSS = 4  # squares of a quarter of the side, moved by as much


def check(name: str, folder: str) -> str:
    """What a line says of a network. Raises AssertionError for other answers than the whole network's."""
    subject, path = sweep_networks.subject(name), Path(folder, "net.onnx")
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(subject.net, (subject.images[0],), str(path), dynamo=False, opset_version=18)
    network = inspectnet.open(path, device="cpu")
    x, cover = subject.images[0].numpy()[0], subject.images[1].numpy()[0]
    side = min(x.shape[1:]) // ACROSS
    grid = slide(x.shape[1:], side, side)
    numbers = np.arange(len(grid.boxes))
    outputs = [str(network.model.graph.outputs[0].name)]
    spatial = [layer.output for layer in network.layers if layer.spatial]
    outputs += spatial[len(spatial) // 3 :: max(1, len(spatial) // 3)]
    images = hidden_images(x, cover, grid, numbers)
    wanted = network.values(images, outputs)
    with torch.no_grad():
        exact = deepcopy(subject.net).double()(torch.from_numpy(images).double()).numpy()
    rounding = np.abs(wanted[outputs[0]] - exact).max() / np.abs(exact).max()
    values = [network.value(output) for output in dict.fromkeys(outputs)]
    cut = make_cut(Geometry(network.model), values, lambda number: True)
    if not cut.windowed:
        return f"whole from the first operator on, {describe(next(iter(network.model.graph)))}"
    worst = 0.0
    for some, answers in Incremental(network, grid, cut, 8).answers(x, cover, {}):
        for output, found in answers.items():
            worst = max(worst, np.abs(found - wanted[output][some]).max() / np.abs(wanted[output]).max())
        assert_same_labels(answers[outputs[0]], wanted[outputs[0]][some])
    assert worst <= max(LIMIT, rounding), f"apart by {worst:.1e}, float32 from float64 by {rounding:.1e}"
    above = "" if cut.whole_from is None else f"; whole from {describe(cut.whole_from)} on"
    parts = f"{len(cut.windowed)} of {len(cut.needed)} operators in windows{above}"
    return f"apart by {worst:.0e} (float32 from float64 by {rounding:.0e}), {parts}"


def assert_same_labels(scores: np.ndarray, wanted: np.ndarray) -> None:
    """The largest of scores (N, K, ...) is the same one wherever it is clear which it is."""
    best = np.sort(wanted, axis=1)[:, -2:]
    clear = best[:, 1] - best[:, 0] > LIMIT * np.abs(wanted).max()
    assert (scores.argmax(axis=1) == wanted.argmax(axis=1))[clear].all(), "other labels"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in parser.parse_args().names or sweep_networks.names():
            try:
                said = check(name, folder)
            except Exception as error:
                wrong, said = wrong + 1, f"{type(error).__name__}: {str(error)[:300]}"
            print(f"{name}: {said}", flush=True)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
