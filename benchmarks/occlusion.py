"""Occlusion of one image: batched onnxruntime, Captum's Occlusion, and what hiding a place changes, in turns."""

import argparse
import gc
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torchvision

import inspectnet
from benchmarks.nets import NETS, make
from benchmarks.rounds import RATIO, THREADS, Times, difference, in_turns, print_setting, print_table, ratio
from inspectnet.images.hiding import hidden_images
from inspectnet.images.occluder import Grid, slide
from inspectnet.incremental import Incremental, estimate
from inspectnet.network import Network

NAMES = [*NETS, "vgg16", "resnet18", "squeezenet1_1", "googlenet", "densenet121", "mobilenet_v2"]
BATCHES = (4, 8, 16, 32)  # of which the best one is taken for onnxruntime
TRIED = 32  # places, to find out which is the best
CAPTUM = 16  # places in a run of Captum's
CONTENDERS = ("onnxruntime", "incremental", "Captum")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--patch", type=int, default=32)
    parser.add_argument("--stride", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-captum", action="store_true", help="leave Captum out, which takes longest")
    parser.add_argument("--memory", action="store_true", help="measure peaks, each in a process of its own")
    parser.add_argument("--child", choices=CONTENDERS, help=argparse.SUPPRESS)
    said = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as folder:
        if said.child:
            print(peak(*load(said.net[0], Path(folder)), said.patch, said.stride, said.child))
            return
        print_setting(said.rounds)
        rows = [measure(name, *load(name, Path(folder)), said) for name in said.net]
    print_table(["occlusion of", "places", "limit", *(f"onnxruntime: {r}" for r in RATIO), "of limit",
                 *(f"Captum: {r}" for r in RATIO[::3]), "planning", "CPU s", "apart", "MB"], rows)  # fmt: skip
    print("\nBehind the squares: the best batch size of onnxruntime. limit: multiply-adds of the whole network over")
    print("those of what exactly changes; of limit: of the CPU ratio. planning: in parts of a run. apart: the largest")
    print(
        "difference of the scores, in parts of the largest. MB: peaks above what is loaded, onnxruntime and the engine."
    )


def load(name: str, folder: Path) -> tuple[torch.nn.Module, Network]:
    """The network in torch and as it is opened."""
    if name in NETS:
        net = make(name, folder)
        return net.torch, net.onnx
    torch.manual_seed(0)
    options = {"init_weights": True} if name == "googlenet" else {}
    module, path = torchvision.models.get_model(name, weights=None, **options).eval(), folder / f"{name}.onnx"
    torch.onnx.export(module, (torch.randn(1, 3, 224, 224),), str(path), dynamo=False, opset_version=18)
    return module, inspectnet.open(path, device="cpu", threads=THREADS)


def run_whole(net: Network, x: np.ndarray, grid: Grid, batch: int, most: int | None = None) -> np.ndarray:
    """The scores of all places, or of the first ones, by the whole network, in batches."""
    logits, count = net.class_scores().logits, min(most or len(grid.boxes), len(grid.boxes))
    parts = [np.arange(i, min(i + batch, count)) for i in range(0, count, batch)]
    cover = np.zeros_like(x)
    return np.concatenate([net.values(hidden_images(x, cover, grid, n), [logits])[logits] for n in parts])


def run_windows(engine: Incremental, x: np.ndarray) -> np.ndarray:
    """The scores by the engine."""
    (logits,), made = (value.name for value in engine.cut.outputs), []
    for numbers, answers in engine.answers(x, np.zeros_like(x), {}):
        made.append((numbers, answers[logits]))
    scores = np.empty((len(engine.places.boxes), *made[0][1].shape[1:]), np.float32)
    for numbers, some in made:
        scores[numbers] = some
    return scores


def captum(module: torch.nn.Module, x: np.ndarray, patch: int, stride: int) -> Callable[[], object]:
    """A run of Captum's Occlusion."""
    from captum.attr import Occlusion

    occlusion, image = Occlusion(module), torch.from_numpy(x[None])
    window, strides = (len(x), patch, patch), (len(x), stride, stride)
    return partial(occlusion.attribute, image, window, strides, target=0, perturbations_per_eval=CAPTUM)


def measure(name: str, module: torch.nn.Module, net: Network, said: argparse.Namespace) -> list[str]:
    """A row of the table."""
    x = np.random.default_rng(0).normal(size=net.input_shape).astype(np.float32)
    grid = slide(x.shape[1:], said.patch, said.stride)
    expected = estimate(net, grid, [net.class_scores().logits])
    engine = Incremental(net, grid, expected.cut)
    begin = time.process_time()
    for batch in engine._batches:
        engine._feeds(batch)
    planning = time.process_time() - begin
    trials = {str(n): partial(run_whole, net, x, grid, n, TRIED) for n in BATCHES}
    best = min((float(np.median(t.cpu)), size) for size, t in in_turns(trials, 1).items())[1]
    whole = partial(run_whole, net, x, grid, int(best))
    contenders: dict[str, Callable[[], object]] = {"whole": whole, "windows": partial(run_windows, engine, x)}
    if not said.no_captum:
        contenders["captum"] = captum(module, x, said.patch, said.stride)
    times: dict[str, Times] = in_turns(contenders, said.rounds)
    against = ratio(times["whole"], times["windows"])
    theirs = ratio(times["captum"], times["windows"])[::3] if "captum" in times else ["", ""]
    cpu = float(np.median(times["windows"].cpu))
    apart = difference(run_windows(engine, x), whole())
    peaks = " / ".join(child(name, said, who) for who in CONTENDERS[:2]) if said.memory else ""
    limit = expected.limit
    return [f"{name} {said.patch}/{said.stride}, {best}", str(len(grid.boxes)), f"{limit:.2f}", *against,
            f"{float(against[3]) / limit:.2f}", *theirs, f"{planning / cpu:.1%}", f"{cpu:.2f}", f"{apart:.0e}",
            peaks]  # fmt: skip


def child(name: str, said: argparse.Namespace, who: str) -> str:
    """A peak in a process of its own, MB."""
    command = [sys.executable, "-m", "benchmarks.occlusion", "--child", who, "--net", name]
    command += ["--patch", str(said.patch), "--stride", str(said.stride)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def peak(module: torch.nn.Module, net: Network, patch: int, stride: int, who: str) -> str:
    """How much more memory is used at the most than when all is loaded, MB."""
    del module
    x = np.zeros(net.input_shape, np.float32)
    grid, few = slide(x.shape[1:], patch, stride), slide(x.shape[1:], patch, x.shape[1] - patch)
    logits = net.class_scores().logits
    if who == "onnxruntime":
        start, run = partial(run_whole, net, x, few, 1), partial(run_whole, net, x, grid, 16)
    else:
        cut = estimate(net, grid, [logits]).cut
        engine = Incremental(net, grid, cut)
        start, run = (lambda: None), partial(run_windows, engine, x)
    start()
    gc.collect()
    before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    Path("/proc/self/clear_refs").write_text("5")
    run()
    status = Path("/proc/self/status").read_text()
    most = int(status.split("VmHWM:")[1].split()[0]) * 1024
    return f"{(most - before) / 1e6:.0f}"


if __name__ == "__main__":
    main()
