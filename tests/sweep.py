"""Every network of torchvision and some of timm, by both exporters, against torch: python tests/sweep.py -o sweep.json

For each: does it open; do the layers that carry a module's path hold that module's output; can every convolution be
inverted under each method; how far are projections from torch's in float64 (relative L2 error, random signals on
three layers and on the logits); how long does building the inverse take. `--table` turns the JSON into Markdown.
"""

import argparse
import copy
import json
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from nets import EXPORTERS, export, randomise
from torch_reference import module_outputs, project

import inspectnet
from inspectnet import inverse
from inspectnet.graph.layers import Layer
from inspectnet.network import Network
from inspectnet.rules import METHODS, Policy

LARGEST = 150_000_000  # parameters
SIDES = {
    "alexnet": 224,
    "vgg": 224,
    "squeezenet": 224,
    "inception": 299,
    "googlenet": 96,
    "vit": 224,
    "swin": 224,
    "maxvit": 224,
}
GATES = ("Sigmoid", "HardSigmoid")  # the reference holds them fixed, whoever reads them
KINK = 1e-3  # a larger error may be a rectifier whose input is 0 but for rounding
SIDE = 96  # of the others: enough for five halvings
TIMM = (
    *("convnext_atto", "efficientnet_lite0", "regnetz_b16", "repvgg_a2", "nfnet_l0", "ghostnet_100", "hrnet_w18_small"),
    *("densenet121", "resnetv2_50", "mobilenetv4_conv_small", "tf_efficientnetv2_b0", "resnest14d", "skresnet18"),
    *("mixnet_s", "rexnet_100", "dpn68", "inception_v4", "xception41", "vovnet39a", "edgenext_xx_small"),
)
TRANSFORMERS = ("vit", "swin", "maxvit")


@dataclass
class Row:
    """What was found out about one network from one exporter."""

    network: str
    exporter: str
    parameters: int
    opens: bool = False
    layers: int = 0
    named: int = 0
    """Layers with the path of a module whose output they hold."""
    misnamed: list[str] = field(default_factory=list)
    """Layers with the path of a module whose output they do not hold."""
    convs: int = 0
    inverted: dict[str, int] = field(default_factory=dict)
    """By method, convolutions from which signals come down."""
    errors: dict[str, float] = field(default_factory=dict)
    """By method, the largest relative error of a projection."""
    float32: dict[str, float] = field(default_factory=dict)
    """By method, where the error is large: that of torch itself in float32."""
    build: float = 0.0
    """Seconds to build the inverse from the highest layer."""
    reason: str = ""


class Lowest(torch.nn.Module):
    """A feature pyramid that gives its finest map, in which all others have a part."""

    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.net(x)["0"]


class Out(torch.nn.Module):
    """A segmenter that gives its map of classes alone."""

    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)["out"]


def names() -> list[str]:
    """All networks of the sweep: torchvision's classifiers and segmenters, a detector's backbone, some of timm's."""
    found = list(torchvision.models.list_models(module=torchvision.models))
    found += [f"segmentation/{n}" for n in torchvision.models.list_models(module=torchvision.models.segmentation)]
    return [*found, "detection/fpn", *(f"timm/{name}" for name in TIMM)]


def build(name: str) -> torch.nn.Module:
    """One of the networks, without its training-only heads."""
    family, _, rest = name.rpartition("/")
    if family == "timm":
        import timm

        return timm.create_model(rest, pretrained=False)
    if family == "segmentation":
        return Out(torchvision.models.get_model(rest, weights=None, weights_backbone=None))
    if family == "detection":
        net = torchvision.models.detection.backbone_utils.resnet_fpn_backbone(backbone_name="resnet50", weights=None)
        return torch.nn.Sequential(net.body, Lowest(net.fpn))
    extra: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return torchvision.models.get_model(name, weights=None, **extra)


def side_of(name: str) -> int:
    """Pixels of the image a network is tried on."""
    return next((side for prefix, side in SIDES.items() if name.startswith(prefix)), SIDE)


def try_network(name: str, exporter: str, folder: Path) -> Row:
    """Everything about one network from one exporter; a failure is a row with its reason."""
    torch.manual_seed(0)
    net = build(name)
    row = Row(name, exporter, sum(p.numel() for p in net.parameters()))
    if row.parameters > LARGEST:
        row.reason = "not run: too large"
        return row
    randomise(net, 0)
    x = torch.randn(1, 3, side_of(name), side_of(name))
    path = folder / f"{name.replace('/', '.')}.{exporter}.onnx"
    try:
        examine(row, net, x, export(net, x, path, exporter))
    except Exception as error:  # a sweep goes on, and says why
        row.reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"[:300]
        if not isinstance(error, inspectnet.InspectError):
            traceback.print_exc()
    finally:
        path.unlink(missing_ok=True)
    return row


def examine(row: Row, net: torch.nn.Module, x: torch.Tensor, path: Path) -> None:
    """Fill in the row."""
    network = inspectnet.open(path, device="cpu")
    row.opens, row.layers = True, len(network.layers)
    convs = [layer for layer in network.layers if "Conv" in layer.ops]
    row.convs = len(convs)
    for method in METHODS:
        row.inverted[method] = sum(network.obstacle(layer.name, Policy(method)) is None for layer in convs)
    net = net.double()
    wanted = module_outputs(net, x.double())
    held = compare_names(row, network, x, wanted)
    started = time.perf_counter()
    inverse.invert(network._model, network.layers[-1].output, Policy("gradient"))
    row.build = round(time.perf_counter() - started, 2)
    methods = ["gradient"] if row.network.startswith(TRANSFORMERS) else METHODS
    for method in methods:
        errors = {spot: smooth_error(network, net, x, spot, method) for spot in spread(held)}
        worst = max(errors, key=lambda spot: errors[spot])
        row.errors[method] = errors[worst]
        if errors[worst] > KINK:
            row.float32[method] = float32_error(net, x, *worst, method)


def compare_names(
    row: Row, network: Network, x: torch.Tensor, wanted: dict[str, list[torch.Tensor]]
) -> list[tuple[Layer, str, int]]:
    """Hold the layers against the modules they are named after; gives those whose output is a module's.

    A stage has the path of its convolution, and holds what the normalisation and the activation after it make.
    """
    names = [name for layer in network.layers for name in (layer.output, layer.pre)]
    values, held, order = network.values(x.numpy(), names), [], list(wanted)
    for layer in network.layers:
        if not layer.path or layer.path not in wanted:
            continue
        first = order.index(layer.path)
        found = False
        for path in order[first : first + 3]:
            for call, y in enumerate(wanted[path]):
                if close(values[layer.output], y) and layer.ops[-1] not in GATES:
                    held.append((layer, path, call))
                found = found or close(values[layer.output], y) or close(values[layer.pre], y)
        row.named += found
        if not found:
            row.misnamed.append(f"{layer.name}={layer.path}")
    return held


def as_maps(y: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """What a module gave as inspectnet shows it: channels before places, tokens as a column."""
    if y.ndim == 3 and len(shape) == 4:
        return y.transpose(1, 2)[..., None]
    turned = y.permute(0, 3, 1, 2) if y.ndim == 4 else y
    return turned if tuple(y.shape) != shape and tuple(turned.shape) == shape else y


def close(found: np.ndarray, wanted: torch.Tensor) -> bool:
    """Whether they are the same numbers, to what float32 keeps of them."""
    wanted = as_maps(wanted, found.shape)
    if tuple(found.shape) != tuple(wanted.shape):
        return False
    return bool(np.abs(found - wanted.numpy()).max() <= 1e-3 * np.abs(wanted.numpy()).max())


def spread(held: list[tuple[Layer, str, int]]) -> list[tuple[Layer, str, int]]:
    """At most four: the lowest, two between, the highest."""
    return [held[i] for i in sorted({0, len(held) // 3, 2 * len(held) // 3, len(held) - 1})] if held else []


def smooth_error(
    network: Network, net: torch.nn.Module, x: torch.Tensor, spot: tuple[Layer, str, int], method: str
) -> float:
    """The error of a projection; where an image lies on a kink in float32, that of another image."""
    found = error(network, net, x, *spot, method)
    return found if found < KINK else min(found, error(network, net, x.flip(3), *spot, method))


def error(
    network: Network, net: torch.nn.Module, x: torch.Tensor, layer: Layer, path: str, call: int, method: str
) -> float:
    """How far a projection of random signals is from torch's, relative to its length."""
    seed = np.random.default_rng(0).normal(size=(1, *layer.shape[1:]))
    ours = network.project_seeds(x.numpy(), layer.name, seed.astype(np.float32), Policy(method))
    theirs = project(net, x.double(), path, call, torch.tensor(seed), method, as_maps).numpy()
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def float32_error(net: torch.nn.Module, x: torch.Tensor, layer: Layer, path: str, call: int, method: str) -> float:
    """How far torch's own projection in float32 is from that in float64: what rounding alone does."""
    seed = torch.tensor(np.random.default_rng(0).normal(size=(1, *layer.shape[1:])))
    exact = project(net, x.double(), path, call, seed, method, as_maps)
    rounded = project(copy.deepcopy(net).float(), x, path, call, seed.float(), method, as_maps)
    return float((rounded - exact).norm() / exact.norm())


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| network | exporter | opens | layers named | convolutions inverted | gradient | guided | deconvnet | |",
        "|---|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for r in rows:
        least = min(r.inverted.values(), default=0)
        errors = [f"{r.errors[m]:.0e}" if m in r.errors else "" for m in ("gradient", "guided_backprop", "deconvnet")]
        notes = r.reason or ("misnamed: " + " ".join(r.misnamed[:3]) if r.misnamed else "")
        notes += "".join(f" torch itself in float32, {m}: {e:.0e}" for m, e in r.float32.items())
        cells = [r.network, r.exporter, "yes" if r.opens else "no", f"{r.named} of {r.layers}", f"{least} of {r.convs}"]
        lines.append(f"| {' | '.join([*cells, *errors, notes])} |")
    return "\n".join(lines) + "\n"


HEAD = """# What opens

Networks with random weights (biases and BatchNorm statistics drawn too), exported by both of torch's exporters, held
against torch in float64. *layers named*: layers that hold what the module they are named after puts out; the others are
inner steps of modules, which no module puts out. *inverted*: convolutions from which a signal comes down under all
three methods. *gradient, guided, deconvnet*: the largest relative error (L2) of the projections of random signals on up
to four layers from the lowest to the highest; where an image lies on a kink in float32, that of its mirror image. Where
it is large still, the error of torch's own float32 stands beside it.
Transformers have no rectifiers in the paper's sense: they are held to the gradient only.

`python tests/sweep.py -o docs/coverage.json` runs what is missing, `--table > docs/coverage.md` writes this page.

"""


def page(rows: list[Row]) -> str:
    """The page of docs: what was run, in the order of names() per family, and a line that sums it up."""
    run = [row for row in rows if not row.reason.startswith("not run")]
    opened = sum(row.opens for row in run)
    convs = sum(row.convs for row in run), sum(min(row.inverted.values(), default=0) for row in run)
    worst = max((e for row in run for e in row.errors.values()), default=0.0)
    slowest = max((row.build for row in run), default=0.0)
    missing = len(names()) * len(EXPORTERS) - len(rows)
    lines = [
        f"{len(run)} exports run: {opened} open; {convs[1]:,} of {convs[0]:,} convolutions are inverted;",
        f"the largest error is {worst:.0e}; building an inverse took at most {slowest} s. Not run yet: {missing}.",
    ]
    return HEAD + "\n".join(lines) + "\n\n" + table(sorted(rows, key=lambda r: (r.network.count("/"), r.network)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, required=True, help="JSON of the rows; a row that is there is kept")
    parser.add_argument("--only", nargs="*", default=[], help="networks whose names begin so")
    parser.add_argument("--table", action="store_true", help="print the rows as Markdown, run nothing")
    said = parser.parse_args()
    rows = [Row(**row) for row in json.loads(said.out.read_text())] if said.out.exists() else []
    if said.table:
        print(page(rows), end="")
        return
    torch.backends.mha.set_fastpath_enabled(False)  # TorchScript's exporter does not know its operator
    done = {(row.network, row.exporter) for row in rows}
    with tempfile.TemporaryDirectory() as folder:
        for name in names():
            for exporter in EXPORTERS:
                if (name, exporter) in done or (said.only and not name.startswith(tuple(said.only))):
                    continue
                row = try_network(name, exporter, Path(folder))
                rows.append(row)
                print(table([row]).splitlines()[-1], f"build {row.build} s", flush=True)
                said.out.write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
