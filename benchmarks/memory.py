"""Peak memory of a scan of few and of many images into an index, each in a process of its own: it should not grow."""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.photos import write_photos
from benchmarks.rounds import THREADS, print_setting, print_table

DISTINCT = 250  # photos; more are links to these


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="an ONNX file; by default ZFNet")
    parser.add_argument("--layer", nargs="+", default=["conv*"])
    parser.add_argument("--images", type=Path, help="a folder of photos; by default made up")
    parser.add_argument("--count", type=int, nargs="+", default=[500, 5000])
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)  # the folder to scan in this process
    said = parser.parse_args()
    if said.child:
        print(peak_of_scan(said.model, said.child, said.layer, said.batch_size))
        return
    print_setting(1)
    with tempfile.TemporaryDirectory() as folder:
        model = said.model or zfnet(Path(folder))
        photos = said.images or write_photos(Path(folder, "photos"), DISTINCT)
        peaks = [measure(model, many(photos, Path(folder, str(n)), n), said.layer, said.batch_size) for n in said.count]
    rows = [
        [f"{model.stem} {n}", f"{peak / 2**20:.0f}", f"{peak / peaks[0]:.3f}"]
        for n, peak in zip(said.count, peaks, strict=True)
    ]
    print_table(["images scanned", "peak MiB", "ratio"], rows)


def measure(model: Path, folder: Path, layers: list[str], batch_size: int) -> int:
    """Bytes."""
    command = [sys.executable, "-m", "benchmarks.memory", "--child", str(folder), "--model", str(model)]
    command += ["--batch-size", str(batch_size), "--layer", *layers]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def peak_of_scan(model: Path, folder: Path, layers: list[str], batch_size: int) -> int:
    import inspectnet

    network = inspectnet.open(model, device="cpu", threads=THREADS)
    index = folder.with_name(f"{folder.name}-index")
    inspectnet.scan(network, folder, index, layers=layers, batch_size=batch_size, threads=THREADS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def many(photos: Path, folder: Path, count: int) -> Path:
    """A folder of `count` links to the photos."""
    folder.mkdir()
    files = sorted(path.resolve() for path in photos.rglob("*") if path.is_file())
    for i in range(count):
        os.symlink(files[i % len(files)], folder / f"{i:06}{files[i % len(files)].suffix}")
    return folder


def zfnet(folder: Path) -> Path:
    from benchmarks.nets import make

    make("zfnet", folder)
    return folder / "zfnet.onnx"


if __name__ == "__main__":
    main()
