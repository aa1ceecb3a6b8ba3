"""A handful of photos, prepared: what analyses of single images look at."""

from dataclasses import dataclass

import numpy as np

from inspectnet.analyses.provenance import images_of
from inspectnet.analyses.sources import collection_of
from inspectnet.images import Sources
from inspectnet.network import Network
from inspectnet.progress import note
from inspectnet.results import Images
from inspectnet.scanning import Gather, NetworkQuestion, Rows, scan


@dataclass(frozen=True)
class Photos:
    """Photos as the network sees them."""

    ids: tuple[str, ...]
    x: np.ndarray
    """(N, C, H, W)."""
    images: Images


def read_photos(network: Network, source: Sources | None, most: int) -> Photos:
    """At most `most` images of one source or several, evenly spaced; notes if others are left out.

    Raises ImageError if none can be read.
    """
    collection, x = collection_of(source), Gather()
    if len(collection) > most:
        note(f"{most} of {len(collection)} images in {collection.source or 'memory'}, evenly spaced")
    seen = scan(collection.evenly(most), [(_Inputs(network), {"x": x})], batch_size=most)
    return Photos(seen.ids, x.result(), images_of(seen))


@dataclass(frozen=True, eq=False)
class _Inputs(NetworkQuestion):
    """Asks for what the network sees."""

    def __call__(self, rows: Rows) -> dict[str, np.ndarray]:
        """The inputs themselves."""
        return {"x": self.inputs(rows)}
