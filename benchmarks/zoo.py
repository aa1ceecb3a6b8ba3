"""One unit of torchvision's networks: inspectnet, cropped, against Captum's neuron attributions."""

import argparse
import tempfile
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torchvision
from captum.attr import NeuronDeconvolution, NeuronGradient

import inspectnet
from benchmarks.rounds import RATIO, THREADS, difference, in_turns, milliseconds, print_setting, print_table, ratio
from inspectnet.geometry import Box, Unit
from inspectnet.inverse import Projection
from inspectnet.network import Network
from inspectnet.rules import Policy

LAYERS = {
    "vgg11_bn": ["features.14", "features.28"],
    "squeezenet1_1": ["features.5", "features.12"],
    "resnet18": ["layer2", "layer4"],
    "resnet50": ["layer2", "layer4"],
    "densenet121": ["features.denseblock2", "features.norm5"],
    "googlenet": ["inception3b", "inception5b"],
    "mobilenet_v2": ["features.6", "features.18"],
    "shufflenet_v2_x1_0": ["stage2", "conv5"],
    "efficientnet_b0": ["features.3", "features.8"],
    "convnext_tiny": ["features.1", "features.7"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", nargs="+", choices=list(LAYERS), default=list(LAYERS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=THREADS)
    said = parser.parse_args()
    warnings.simplefilter("ignore")  # Captum warns at every call
    print_setting(said.rounds)
    torch.set_num_threads(said.threads)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in said.net:
            torch.manual_seed(0)
            options = {"init_weights": True} if name == "googlenet" else {}
            net = torchvision.models.get_model(name, weights=None, **options).eval()
            x = torch.randn(1, 3, 224, 224)
            path = Path(folder, f"{name}.onnx")
            torch.onnx.export(net, (x,), str(path), dynamo=False, opset_version=18)
            ours = inspectnet.open(path, device="cpu", threads=said.threads)
            for layer in LAYERS[name]:
                rows += measure(name, net, ours, layer, x, said.rounds)
    print_table(["one unit of", "method", "inspectnet ms", "Captum ms", *RATIO, "difference"], rows)
    print("\nratio: Captum's time over inspectnet's; difference: the largest one, as a part of the largest pixel.")
    print("Captum's deconvnet knows ReLU modules only: of other activations it takes the derivative.")


def measure(
    name: str, net: torch.nn.Module, ours: Network, layer: str, x: torch.Tensor, rounds: int
) -> list[list[str]]:
    """A row for the gradient and one for the deconvnet."""
    unit = strongest(ours, layer, x.numpy())
    module, pixels = net.get_submodule(layer), x.clone().requires_grad_(True)
    rows = []
    for method, neuron in (("gradient", NeuronGradient), ("deconvnet", NeuronDeconvolution)):
        project = partial(project_one, ours, layer, x.numpy(), Unit(0, *unit), Policy(method))
        title = [f"{name} {layer}", method]
        try:
            attribute = partial(neuron(net, module).attribute, pixels, unit)
            theirs = attribute().detach().numpy()[0]
        except Exception as error:  # what Captum cannot do is part of the table
            rows.append([*title, "", str(error).splitlines()[0][:60], *[""] * (len(RATIO) + 1)])
            continue
        times = in_turns({"captum": attribute, "inspectnet": project}, rounds)
        whole = project().window(Box(0, 0, 224, 224))
        medians = milliseconds(times["inspectnet"]), milliseconds(times["captum"])
        apart = difference(whole, theirs)
        rows.append([*title, *medians, *ratio(times["captum"], times["inspectnet"]), f"{apart:.0e}"])
    return rows


def project_one(net: Network, layer: str, x: np.ndarray, unit: Unit, policy: Policy) -> Projection:
    """The projection of one unit, through as much of the image as it sees."""
    return next(iter(net.inverse(policy).project(x, layer, [unit])))


def strongest(net: Network, layer: str, x: np.ndarray) -> tuple[int, int, int]:
    """The layer's strongest unit in the image: (map, y, x)."""
    activation = net.activations(x, layer)[0]
    map_, y, x_ = np.unravel_index(int(activation.argmax()), activation.shape)
    return int(map_), int(y), int(x_)


if __name__ == "__main__":
    main()
