"""How far an index has come: its shards, who is at them, how fast, what could not be read."""

import time
from pathlib import Path

from inspectnet.index import read_manifest, shard_file
from inspectnet.index.work import failures_of, is_done
from inspectnet.report.lines import show
from inspectnet.shards import living

SHOWN = 5  # images that could not be read


def print_status(folder: Path) -> None:
    """Print the state of an index. Raises OptionError for a folder that is none."""
    manifest = read_manifest(folder)
    files = [shard_file(folder, manifest, number) for number in range(manifest.shards)]
    there = [number for number in range(manifest.shards) if is_done(folder, manifest, number)]
    workers = [worker for worker in living(folder / "leases") if isinstance(worker.get("done"), int)]
    under_way = sum(int(str(worker["done"])) for worker in workers)
    images = sum(min(manifest.request.shard_size, manifest.images - manifest.first(number)) for number in there)
    models = ", ".join(f"{Path(m.path).name} ({len(m.layers)} layers)" for m in manifest.request.models)
    show(f"{folder}: {models}, {manifest.images:,} images in {manifest.root}")
    show(f"shards: {len(there)} of {manifest.shards}, {images + under_way:,} of {manifest.images:,} images")
    rate = _rate([files[number].stat().st_mtime for number in there], manifest.request.shard_size)
    if workers:
        left = manifest.images - images - under_way
        eta = f", {_duration(left / rate)} left" if rate else ""
        show(f"workers: {len(workers)}{f', {rate:.0f} images/s' if rate else ''}{eta}")
        for worker in workers:
            show(f"  process {worker.get('pid')} on {worker.get('host')}: {worker['done']} images of its shard")
    elif len(there) < manifest.shards:
        show("workers: none; run the same scan again and it goes on")
    failures = [failure for number in there for failure in failures_of(files[number])]
    show(f"images that could not be read: {len(failures)}")
    for _, reason in failures[:SHOWN]:
        show(f"  {reason}")


def _rate(times: list[float], size: int) -> float:
    """Images a second of all workers, by the shards that were written in the last ten minutes."""
    recent = [at for at in times if time.time() - at < 600]
    spent = max(recent, default=0) - min(recent, default=0)
    return (len(recent) - 1) * size / spent if spent else 0.0


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{seconds / 60:.0f} min"
