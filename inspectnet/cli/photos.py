"""A handful of photos, read at once: what analyses of single images look at."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspectnet.cli import options
from inspectnet.cli.telling import remark

if TYPE_CHECKING:
    import numpy as np

    from inspectnet.network import Network


@dataclass(frozen=True)
class Photos:
    """Prepared photos, and what a record says of them."""

    ids: list[str]
    x: "np.ndarray"
    """(N, C, H, W)."""
    record: dict[str, Any]
    """How many, the hash over their ids and bytes, and what was skipped."""


def read_photos(network: "Network", source: Path, out: Path | None, most: int) -> Photos:
    """At most `most` images of a source, evenly spaced; says if others are left out.

    Raises ImageError if none can be read.
    """
    from inspectnet.images import Stream

    found = options.collection_of(source, out)
    if len(found) > most:
        remark(f"{most} of {len(found)} images in {source}, evenly spaced")
    stream = Stream(found.spread(most), network.preparation, batch_size=most)
    batches = list(stream)
    stream.seen.refuse_nothing()
    skipped = [{"image": each.id, "reason": each.reason} for each in stream.seen.skipped]
    record = {"count": len(batches[0].ids), "sha256": stream.seen.digest, "skipped": skipped}
    return Photos(batches[0].ids, batches[0].x, record)
