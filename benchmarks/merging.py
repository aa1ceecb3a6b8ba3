"""Time and peak memory of merging synthetic shards of an index, each number of them in a process of its own."""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from benchmarks.rounds import print_setting, print_table
from inspectnet.files.npz import write_npz
from inspectnet.geometry import Maxima
from inspectnet.index import Request, Statistics
from inspectnet.index.merging import merge, merged_file
from inspectnet.index.work import shard_file
from inspectnet.manifest import Manifest, RequestedLayer, RequestedModel

DISTINCT = 50  # shards; more are copies of these, under names of their own
SIDE = 13  # of the maps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, nargs="+", default=[10, 100, 1000, 10_000])
    parser.add_argument("--units", type=int, default=100, help="maps of a layer")
    parser.add_argument("--layers", type=int, default=1, help="of such maps")
    parser.add_argument("--images", type=int, default=2000, help="of a shard")
    parser.add_argument("--labels", type=int, default=0, help="classes in a shard, by which it keeps sums, too")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)  # the folder to merge in this process
    said = parser.parse_args()
    if said.child:
        print(*measured(said.child, said.shards[0], said.units, said.images, said.layers))
        return
    print_setting(1)
    rows, distinct = [], [shard_arrays(seed, said.units, said.images, said.labels) for seed in range(DISTINCT)]
    distinct = [
        {f"0/{at}/{name}": array for at in range(said.layers) for name, array in one.items()} for one in distinct
    ]
    for count in said.shards:
        with tempfile.TemporaryDirectory() as folder:
            size = write_shards(Path(folder), manifest_of(count, said.units, said.images, said.layers), distinct)
            command = [sys.executable, "-m", "benchmarks.merging", "--child", folder, "--shards", str(count)]
            command += ["--units", str(said.units), "--images", str(said.images), "--layers", str(said.layers)]
            told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
        wall, cpu, peak, merged = map(float, told)
        times = f"{wall:.1f}", f"{cpu:.1f}", f"{1000 * cpu / count:.2f}"
        rows.append([f"{count:,}", f"{size / count / 1000:.0f}", *times, f"{peak / 1e6:.0f}", f"{merged / 1e6:.2f}"])
        print(*rows[-1], flush=True)
    print()
    print_table(["shards", "kB each", "s", "s of CPU", "ms each", "peak MB", "merged MB"], rows)


def manifest_of(shards: int, units: int, images: int, layers: int) -> Manifest[Request]:
    """One model."""
    watched = tuple(RequestedLayer(f"conv{at}", f"conv{at}", units) for at in range(layers))
    model = RequestedModel("model.onnx", "0" * 64, {}, watched)
    request = Request((model,), 100, False, True, False, images, 16)
    return Manifest(request, "/", ("/",), shards * images, (), tuple(f"{at:016x}" for at in range(shards)))


def layer_of(units: int) -> SimpleNamespace:
    """What statistics ask of a layer."""
    return SimpleNamespace(name="conv", output="conv", maps=units)


def shard_arrays(seed: int, units: int, images: int, labels: int) -> dict[str, np.ndarray]:
    """What a scan keeps of a shard in which two thirds of the activations are above 0."""
    rng = np.random.default_rng(seed)
    names = np.array([f"n{at % labels:08}" for at in range(images)]) if labels else None
    statistics = Statistics(layer_of(units), 100, names)
    keys = np.stack([np.arange(images), np.zeros(images, np.int64), np.zeros(images, np.int64)], axis=1)
    values = rng.normal(1, 2, (images, units)).astype(np.float32)
    statistics.update(keys, Maxima(values, rng.integers(0, SIDE, (images, units, 2))))
    return statistics.arrays()


def write_shards(folder: Path, manifest: Manifest[Request], distinct: list[dict[str, np.ndarray]]) -> int:
    """The files of all shards; gives their bytes."""
    total = 0
    for number in range(manifest.shards):
        path = shard_file(folder, manifest, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_npz(file, distinct[number % DISTINCT])
            total += file.tell()
    return total


def measured(folder: Path, shards: int, units: int, images: int, layers: int) -> tuple[float, float, int, int]:
    """Seconds, seconds of CPU, peak bytes of memory, bytes of what was merged."""
    manifest = manifest_of(shards, units, images, layers)
    wall, cpu = time.perf_counter(), time.process_time()
    merge(folder, manifest, [[layer_of(units)] * layers])
    taken = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return *taken, peak if sys.platform == "darwin" else peak * 1024, os.stat(merged_file(folder, manifest)).st_size


if __name__ == "__main__":
    main()
