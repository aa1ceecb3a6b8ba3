"""Every network of torchvision and some of timm, by both exporters, against torch: python tests/sweep.py -o sweep.json

For each: does it open; do the layers that carry a module's path hold that module's output; can every convolution be
inverted under each method; how far are projections from torch's in float64 (relative L2 error, random signals on
three layers and on the logits); how long does building the inverse take; does `inspectnet verify` pass. `--table`
turns the JSON into Markdown.
"""

import argparse
import gc
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from nets import EXPORTERS, export
from sweep_networks import Subject, as_maps, names, signals, subject
from sweep_page import Row, Verified, page, table

import inspectnet
from inspectnet import inverse
from inspectnet.graph.layers import Layer
from inspectnet.network import Network
from inspectnet.rules import METHODS, Policy

LARGEST = 150_000_000  # parameters
GATES = ("Sigmoid", "HardSigmoid")  # the reference holds them fixed, whoever reads them
KINK = 1e-3  # a larger error may be a rectifier whose input is 0 but for rounding
PROVED = {"dynamo": "gradient", "torchscript": "deconvnet"}  # the method that verify is run with, by exporter
VERIFY_SECONDS, VERIFY_BYTES = 900, 8 << 30  # of a core, and of memory: a run beyond is stopped
TRANSFORMERS = ("vit", "swin", "maxvit", "timm/vit", "timm/swin")

Spot = tuple[Layer, str, int]  # a layer, the module whose output it holds, and which call of it


def try_network(row: Row, folder: Path, proved: Sequence[str] = EXPORTERS) -> None:
    """Fill in what the row of one network from one exporter lacks; a failure is its reason."""
    tried = subject(row.network)
    row.parameters = tried.parameters
    if row.parameters > LARGEST:
        row.reason = "not run: too large"
        return
    path = folder / f"{row.network.replace('/', '.')}.{row.exporter}.onnx"
    try:
        export(tried.net, tried.images[0], path, row.exporter)
        if not row.opens:
            examine(row, tried, path)
        if row.exporter in proved:
            row.verified = verify(path, PROVED[row.exporter])
    except Exception as error:  # a sweep goes on, and says why
        row.reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"[:300]
        if not isinstance(error, inspectnet.InspectError):
            traceback.print_exc()
    finally:
        path.unlink(missing_ok=True)


def examine(row: Row, tried: Subject, path: Path) -> None:
    """Fill in the row."""
    network = inspectnet.open(path, device="cpu")
    row.opens, row.layers = True, len(network.layers)
    convs = [layer for layer in network.layers if "Conv" in layer.ops]
    row.convs = len(convs)
    for method in METHODS:
        row.inverted[method] = sum(network.inverse(Policy(method)).obstacle(layer.name) is None for layer in convs)
    held = compare_names(row, network, tried)
    started = time.process_time()
    inverse.invert(network.model, network.layers[-1].output, Policy("gradient"))
    row.build = round(time.process_time() - started, 2)
    for method in ["gradient"] if row.network.startswith(TRANSFORMERS) else METHODS:
        errors = {spot: smooth_error(network, tried, spot, method) for spot in spread(held)}
        worst = max(errors, key=lambda spot: errors[spot])
        row.errors[method] = errors[worst]
        if errors[worst] > KINK:
            row.float32[method] = float32_error(tried, worst, method)


def verify(path: Path, method: str) -> Verified:
    """What `inspectnet verify` says of a file, run as a user runs it, in a process of bounded time and memory."""
    command = [sys.executable, "-m", "inspectnet", "verify", str(path), "--method", method, "--device", "cpu", "--json"]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = subprocess.Popen(command, stdout=out, stderr=err, start_new_session=True)
        resource.prlimit(child.pid, resource.RLIMIT_CPU, (VERIFY_SECONDS, VERIFY_SECONDS))
        resource.prlimit(child.pid, resource.RLIMIT_DATA, (VERIFY_BYTES, VERIFY_BYTES))
        peak = 0.0
        while child.poll() is None:
            peak = max(peak, peak_memory(child.pid))
            time.sleep(0.1)
        out.seek(0)
        err.seek(0)
        said, line = out.read(), err.read().strip()
    gigabytes = round(peak / 1e9, 2)
    if child.returncode not in (0, 1) or not said:
        reason = f"exit {child.returncode}: {line.splitlines()[-1] if line else ''}"[:300]
        return {"method": method, "layers": 0, "checks": 0, "failed": [], "gigabytes": gigabytes, "reason": reason}
    checks = json.loads(said)["result"]["checks"]
    layers = {check["subject"] for check in checks if check["claim"] == "cropped = fused"}
    failed = [f"{c['subject']}: {c['claim']} {float(c['error'] or 'nan'):.0e}" for c in checks if not c["passed"]]
    counts = {"layers": len(layers), "checks": len(checks)}
    return {"method": method, **counts, "failed": failed, "gigabytes": gigabytes, "reason": ""}


def peak_memory(pid: int) -> float:
    """The most bytes that a process has had, 0 if it has ended; what `wait` gives counts its parent's as well."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((float(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def compare_names(row: Row, network: Network, tried: Subject) -> list[Spot]:
    """Hold the layers against the modules they are named after; gives those whose output is a module's.

    A stage has the path of its convolution, and holds what the normalisation and the activation after it make.
    """
    wanted = tried.reference().outputs()
    names = [name for layer in network.layers for name in (layer.output, layer.pre)]
    values, held, order = network.values(tried.images[0].numpy(), names), [], list(wanted)
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


def close(found: np.ndarray, wanted: torch.Tensor) -> bool:
    """Whether they are the same numbers, to what float32 keeps of them at a depth of 150 convolutions."""
    wanted = as_maps(wanted, found.shape).detach()
    if tuple(found.shape) != tuple(wanted.shape):
        return False
    return bool(np.abs(found - wanted.numpy()).max() <= 1e-2 * np.abs(wanted.numpy()).max())


def spread(held: list[Spot]) -> list[Spot]:
    """At most four: the lowest, two between, the highest."""
    return [held[i] for i in sorted({0, len(held) // 3, 2 * len(held) // 3, len(held) - 1})] if held else []


def smooth_error(network: Network, tried: Subject, spot: Spot, method: str) -> float:
    """The error of a projection; where an image lies on a kink in float32, that of the next image."""
    least = math.inf
    for image in range(len(tried.images)):
        if least > KINK:
            least = min(least, error(network, tried, image, spot, method))
    return least


def error(network: Network, tried: Subject, image: int, spot: Spot, method: str) -> float:
    """How far a projection of random signals is from torch's, relative to its length."""
    layer, path, call = spot
    shape = shape_of(layer)
    seed = signals(shape).astype(np.float32)
    ours = network.inverse(Policy(method)).project_seeds(tried.images[image].numpy(), layer.name, seed)
    return distance(ours, tried.pixels(path, call, shape, method, image))


def float32_error(tried: Subject, spot: Spot, method: str) -> float:
    """How far torch's own projection in float32 is from that in float64, the median image: what rounding alone does."""
    layer, path, call = spot
    shape, errors = shape_of(layer), []
    for image in range(len(tried.images)):
        kinds = (torch.float32, torch.float64)
        errors.append(distance(*(tried.pixels(path, call, shape, method, image, kind) for kind in kinds)))
    return float(np.median(errors))


def shape_of(layer: Layer) -> tuple[int, ...]:
    """The shape of the layer's maps for one image."""
    return (1, *(int(n or 0) for n in layer.shape[1:]))


def distance(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Relative to the length of `theirs`."""
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def chosen(prefixes: Sequence[str]) -> list[str]:
    """The networks whose names begin so, in that order; all without any."""
    return list(dict.fromkeys(name for prefix in prefixes or [""] for name in names() if name.startswith(prefix)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, required=True, help="JSON of the rows; what is there is kept")
    parser.add_argument("--only", nargs="*", default=[], help="networks whose names begin so, in that order")
    parser.add_argument("--verify", nargs="*", choices=EXPORTERS, default=EXPORTERS, help="whose files are verified")
    parser.add_argument("--table", action="store_true", help="print the rows as Markdown, run nothing")
    said = parser.parse_args()
    kept = [Row(**row) for row in json.loads(said.out.read_text())] if said.out.exists() else []
    if said.table:
        print(page(kept), end="")
        return
    rows = {(row.network, row.exporter): row for row in kept}
    gc.disable()  # dynamo makes millions of objects that stay: to look at them again and again costs a fifth
    torch.backends.mha.set_fastpath_enabled(False)  # TorchScript's exporter does not know its operator
    with tempfile.TemporaryDirectory() as folder:
        for key in ((name, exporter) for name in chosen(said.only) for exporter in EXPORTERS):
            row = rows.setdefault(key, Row(*key))
            if row.reason or (row.opens and (row.verified or row.exporter not in said.verify)):
                continue
            try_network(row, Path(folder), said.verify)
            print(table([row]).splitlines()[-1], f"build {row.build} s", flush=True)
            said.out.write_text(json.dumps([asdict(row) for row in rows.values()], indent=1))
            gc.collect()


if __name__ == "__main__":
    main()
