"""The cache of `explore`: where it keeps indexes, so that a network is looked at once."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from platformdirs import user_cache_path

from inspectnet.graph.layers import Layer
from inspectnet.images import Collection
from inspectnet.network import Network


def cached_index(network: Network, images: Collection, layers: Sequence[Layer], tile: bool) -> Path:
    """The folder for the index of some layers over images, which is that of no other network, images or preparation."""
    decides = [
        network.sha256, network.preparation.to_json(), images.signature(), images.state(),
        [layer.output for layer in layers], tile,
    ]  # fmt: skip
    name = hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:32]
    return Path(user_cache_path("inspectnet")) / "explore" / name
