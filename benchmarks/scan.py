"""The scan of JPEG photos, decoding beside the session, against the bare session on prepared arrays in memory.

The bound is what the cores can do: the time of decoding alone and of the session alone, added up.
"""

import argparse
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import onnx_ir as ir

import inspectnet
from benchmarks.photos import write_photos
from benchmarks.rounds import RATIO, THREADS, in_turns, print_setting, print_table, ratio
from inspectnet.graph.subgraphs import cut_at_maxima
from inspectnet.images import Collection, Stream, find_images
from inspectnet.network import Network
from inspectnet.reading.reader import open_graph, read
from inspectnet.runtime.device import choose_device
from inspectnet.runtime.session import Session

BOUND = "of the bound", "range", "CPU"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, nargs="*", default=[], help="ONNX files to scan with besides ZFNet")
    parser.add_argument("--no-zfnet", action="store_true", help="scan with --model only (needs no torch)")
    parser.add_argument("--images", type=Path, help="photos; by default made up")
    parser.add_argument("--count", type=int, default=256, help="how many photos to make up")
    parser.add_argument("--layer", nargs="+", default=["conv*"])
    parser.add_argument("--batch-size", type=int, nargs="+", default=[16])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--checkpoints", type=int, default=1, help="how many networks share the decoding of one scan")
    said = parser.parse_args()
    print_setting(said.rounds)
    with tempfile.TemporaryDirectory() as folder:
        collection = find_images(said.images or write_photos(Path(folder, "photos"), said.count))
        size = sum(len(collection.read(i)) for i in range(len(collection))) / len(collection)
        print(f"{len(collection)} photos of {size / 1000:.0f} kB; layers {' '.join(said.layer)}\n", flush=True)
        rows = []
        for path in [*said.model, *([] if said.no_zfnet else [zfnet(Path(folder))])]:
            networks = [inspectnet.open(path, device="cpu", threads=THREADS) for _ in range(said.checkpoints)]
            layers = [layer.name for layer in networks[0].match(said.layer)]
            for batch_size in said.batch_size:
                rows.append(measure(path, networks, collection, layers, batch_size, said.rounds))
    print_table(
        ["images/s", "batch", "layers", "decoding", "session", "scan", *RATIO, "of the bound", "range", "CPU"], rows
    )
    print("\nratio: the scan's speed over the session's; 1 would mean that decoding costs nothing.")
    print("of the bound: the scan's speed over 1 / (1 / session + 1 / decoding), the median of the rounds.")
    print("session: of all checkpoints, one after the other.")


def measure(
    path: Path, networks: list[Network], collection: Collection, layers: list[str], batch_size: int, rounds: int
) -> list[str]:
    network = networks[0]
    stream = Stream(collection, network.preparation, batch_size=batch_size, threads=THREADS)
    prepared = np.concatenate([batch.x for batch in stream])
    batches = [prepared[i : i + batch_size] for i in range(0, len(prepared), batch_size)]
    sessions = [bare_session(path, network, layers) for _ in networks]
    times = in_turns(
        {
            "decoding": lambda: [None for _ in stream],
            "session": lambda: [session.run({session.inputs[0]: x}) for session in sessions for x in batches],
            "scan": partial(look, networks, collection, layers, batch_size),
        },
        rounds,
        seconds=0,
    )
    speed = [f"{len(collection) / np.median(times[name].wall):.1f}" for name in ("decoding", "session", "scan")]
    bound = (times["session"].wall + times["decoding"].wall) / times["scan"].wall
    cpu = (times["session"].cpu + times["decoding"].cpu) / times["scan"].cpu
    share = f"{np.median(bound):.3f}", f"{bound.min():.2f}-{bound.max():.2f}", f"{np.median(cpu):.3f}"
    name = path.stem if len(networks) == 1 else f"{len(networks)} x {path.stem}"
    return [name, str(batch_size), str(len(layers)), *speed, *ratio(times["session"], times["scan"]), *share]


def look(networks: list[Network], collection: Collection, layers: list[str], batch_size: int) -> None:
    """A scan into an index, all included: listing, hashes, files, merging."""
    with tempfile.TemporaryDirectory() as folder:
        inspectnet.scan(networks, collection, folder, layers=layers, batch_size=batch_size, threads=THREADS)


def bare_session(path: Path, network: Network, layers: list[str]) -> Session:
    """The graph that the scan runs, opened without it."""
    model = open_graph(read(path), network.input_shape[1:])
    part, _ = cut_at_maxima(model, [network.layer(name).output for name in layers])
    return Session(ir.to_proto(part).SerializeToString(), choose_device("cpu"), THREADS)


def zfnet(folder: Path) -> Path:
    from benchmarks.nets import make

    make("zfnet", folder)
    return folder / "zfnet.onnx"


if __name__ == "__main__":
    main()
