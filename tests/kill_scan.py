"""Kill workers and drivers of scans at random instants, and see that nothing is lost and no bit differs.

python tests/kill_scan.py [--kills 20] [--photos 400] [--sizes 10 100 1000] [--seed 0] [--only local-2]

Each way of running (WAYS) with each size of shards gets so many kills; there are three shards at least, most of whose
photos are links to a few. `drive` is what is killed: one scan.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from nets import PADDED_CONVS, onnx_text, random_weights
from PIL import Image

import inspectnet
from inspectnet.engines import run_engine
from inspectnet.images import Preparation, find_images
from inspectnet.index import SCAN, Request, merged_file, read_manifest
from inspectnet.manifest import list_images, requested_model
from inspectnet.shards import living, share_of
from inspectnet.shards.lease import stale

SIDE = 32
WAYS = {  # engine, workers, drivers that share the folder by their environment
    "local-1": ("local", 1, 1),
    "local-2": ("local", 2, 1),
    "environment-2": ("local", 1, 2),
    "ray-1": ("ray", 1, 1),
    "ray-2": ("ray", 2, 1),
}
DISTINCT = 180  # photos; more are links to these
TIMEOUT = 180  # seconds without an end


def write_model(folder, seed=3):
    """The network."""
    folder.mkdir(exist_ok=True)
    weights = random_weights(seed, k1=(24, 3, 3, 3), k2=(32, 24, 3, 3))
    (folder / "net.onnx").write_bytes(onnx_text(PADDED_CONVS, weights, image=("N", 3, SIDE, SIDE)).SerializeToString())


def write_inputs(folder, photos):
    """A network and photos in two classes, of which every ninth cannot be read."""
    write_model(folder)
    rng = np.random.default_rng(0)
    for at in range(photos):
        path = photo(folder, at)
        path.parent.mkdir(parents=True, exist_ok=True)
        if at >= DISTINCT:
            os.link(photo(folder, at % DISTINCT), path)
            continue
        coarse = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8))
        coarse.resize((240, 240)).save(path, compress_level=1)
        if at % 9 == 8:
            path.write_bytes(b"no image")


def photo(folder, at):
    """The file of that number."""
    return folder / "photos" / "ab"[at % 2] / f"{at:05}.png"


def open_model(inputs):
    """It, on one core."""
    preparation = Preparation((3, SIDE, SIDE), (0.5,) * 3, (0.25,) * 3)
    return inspectnet.open(inputs / "net.onnx", device="cpu", preparation=preparation, threads=1)


def request_of(network, shard_size):
    """Everything that an index can keep."""
    return Request((requested_model(network, network.layers),), 9, False, True, True, shard_size, 4)


def drive(inputs, folder, engine, workers, shard_size):
    """One scan."""
    network = open_model(inputs)
    request = request_of(network, shard_size)
    manifest = list_images(folder, request, lambda: find_images(inputs / "photos"), ["photos"])
    run_engine(SCAN, folder, manifest, [network], engine=engine, workers=workers, share=share_of(), threads=1)


class Scan:
    """The drivers of one scan of a folder."""

    def __init__(self, inputs, folder, way, shard_size, environment):
        engine, workers, drivers = WAYS[way]
        self.folder, self._environment = folder, environment
        said = [str(inputs), str(folder), engine, str(workers), str(shard_size)]
        self._command = [sys.executable, __file__, "--drive", *said]
        self.drivers = {rank: self._start(rank, drivers) for rank in range(drivers)}
        self.most = max(workers, drivers)

    def _start(self, rank, of):
        environment = os.environ | self._environment | ({"RANK": str(rank), "WORLD_SIZE": str(of)} if of > 1 else {})
        return subprocess.Popen(self._command, env=environment, stderr=subprocess.PIPE, text=True)

    def ended(self):
        """Whether all drivers have ended; one that ends with an error ends it all."""
        for driver in self.drivers.values():
            if driver.poll():
                raise AssertionError(f"a driver ended with {driver.returncode}: {driver.communicate()[1][-2000:]}")
        return all(driver.poll() == 0 for driver in self.drivers.values())

    def victims(self):
        """Processes that can be killed: drivers, their workers, whoever holds a lease."""
        running = [driver.pid for driver in self.drivers.values() if driver.poll() is None]
        children = [child for pid in running for child in children_of(pid)]
        holders = [told["pid"] for told in living(self.folder / "leases") if isinstance(told.get("pid"), int)]
        return running, sorted({*children, *holders} - set(running))

    def kill(self, pid):
        """Kill one, and start it again if it is a driver."""
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        for rank, driver in self.drivers.items():
            if driver.pid == pid:
                driver.communicate()
                self.drivers[rank] = self._start(rank, len(self.drivers))
        return True

    def end(self):
        """Leave nothing running."""
        for driver in self.drivers.values():
            driver.kill()
            driver.communicate()


def children_of(pid):
    """The workers that a driver has started, not the processes of Ray."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in children if b"inspectnet.index" in Path(f"/proc/{child}/cmdline").read_bytes()]
    except OSError:
        return []


def finished(folder):
    """The shards that are done, and what tells them from others of the same name."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.glob("shards/*/*.npz")}


def instant(rng):
    """When the next one dies: mostly while shards are being made, else at any time, the start of processes included.

    To be asked again and again, with whether a shard is being made.
    """
    at_work, delay, began = rng.random() < 0.8, rng.uniform(0, 1), None

    def due(making):
        nonlocal began
        if began is None and (making or not at_work):
            began = time.monotonic()
        return began is not None and time.monotonic() - began > delay * (1 if at_work else 5)

    return due


def scan_with_kills(inputs, folder, way, shard_size, most, rng, environment=None):
    """Run one scan and kill `most` times while it goes on; gives which were killed, and the merged bytes."""
    scan, killed, before = Scan(inputs, folder, way, shard_size, environment or {}), [], {}
    began, due = time.monotonic(), instant(rng)
    try:
        while not scan.ended():
            assert time.monotonic() - began < TIMEOUT + 20 * len(killed), "it hangs"
            time.sleep(0.003)
            now = finished(folder)
            assert before.items() <= now.items(), "a shard that was done was lost, or done again"
            before = now
            drivers, workers = scan.victims()
            assert len(living(folder / "leases")) <= scan.most, "a worker holds more than one shard"
            if len(killed) < most and due(any(not stale(path) for path in (folder / "leases").glob("[0-9]*.lease"))):
                pids = workers if workers and rng.random() < 0.7 else drivers
                if pids and scan.kill(pid := rng.choice(pids)):
                    killed.append("driver" if pid in drivers else "worker")
                due = instant(rng)
    finally:
        scan.end()
    assert before.items() <= finished(folder).items()
    left = [str(path) for path in folder.rglob("*.part-*")]
    assert not left, left
    return killed, merged_file(folder, read_manifest(folder)).read_bytes()


def main():
    """Report each way in one line; ends with 1 after a difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--photos", type=int, default=400, help="or three shards' worth, if that is more")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1000], help="images of a shard")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=[*WAYS])
    said, rng = parser.parse_args(), random.Random(0)
    rng.seed(said.seed)
    with tempfile.TemporaryDirectory() as place:
        clean = {}
        for size in said.sizes:
            inputs = Path(place, str(size))
            write_inputs(inputs, max(said.photos, 3 * size))
            clean[size] = scan_with_kills(inputs, inputs / "clean", "local-1", 37, 0, rng)[1]
        for way in said.only:
            with cluster_for(way) as environment:
                for size in said.sizes:
                    report(Path(place, str(size)), way, size, said.kills, rng, clean[size], environment)


def report(inputs, way, size, kills, rng, clean, environment):
    """Scan again and again until so many were killed."""
    killed, scans, began = [], 0, time.monotonic()
    while len(killed) < kills:
        folder = inputs / f"{way}-{size}-{scans}"
        new, merged = scan_with_kills(inputs, folder, way, size, kills - len(killed), rng, environment)
        assert merged == clean, f"{folder} has other bytes"
        killed, scans = killed + new, scans + 1
    what = f"{killed.count('driver')} drivers and {killed.count('worker')} workers killed in {scans} scans"
    print(f"{way}, shards of {size}: {what}, the same bytes each time ({time.monotonic() - began:.0f} s)", flush=True)


class cluster_for:
    """Two nodes of Ray on this machine for the ways that want them; gives the variables that lead there."""

    def __init__(self, way):
        self._cluster = None
        if way.startswith("ray"):
            from ray.cluster_utils import Cluster

            self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
            self._cluster.add_node(num_cpus=1)

    def __enter__(self):
        return {"RAY_ADDRESS": self._cluster.address} if self._cluster else {}

    def __exit__(self, *_):
        if self._cluster:
            self._cluster.shutdown()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--drive"]:
        inputs, folder, engine, workers, size = sys.argv[2:]
        drive(Path(inputs), Path(folder), engine, int(workers), int(size))
    else:
        main()
