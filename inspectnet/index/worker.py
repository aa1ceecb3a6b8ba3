"""A worker: opens the models that a manifest names, and goes through its shards."""

from collections.abc import Sequence

from inspectnet.errors import OptionError
from inspectnet.index.request import Manifest
from inspectnet.manifest import RequestedModel, preprocess_of
from inspectnet.network import Network
from inspectnet.opening import open_network


def open_models(manifest: Manifest, device: str, threads: int | None) -> Sequence[Network]:
    """The models of a manifest, as they were when it was made; threads: cores to use, None for all.

    Raises OptionError for a file that holds another model now, and what `open_network` raises.
    """
    return [_open(model, device, threads or 0) for model in manifest.request.models]


def _open(model: RequestedModel, device: str, threads: int) -> Network:
    network = open_network(model.path, device=device, preparation=model.preprocess, threads=threads)
    if network.sha256 != model.sha256:
        what = f"{model.path} is not the model that the index was made of ({model.sha256[:8]})"
        raise OptionError(f"{what}, but {network.sha256[:8]}. Put that back, or scan this into another folder.")
    if preprocess_of(network) != model.preprocess:
        raise OptionError(f"{model.path} prepares photos otherwise than the index says. Scan it into another folder.")
    return network
