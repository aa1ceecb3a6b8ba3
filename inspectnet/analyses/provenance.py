"""The provenance of a result, from the networks that were opened and the images that were read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from inspectnet.images import Seen
from inspectnet.network import Network
from inspectnet.results import Images, Model, Preprocess, Provenance, SkippedImage
from inspectnet.rules import Policy
from inspectnet.runtime.versions import versions


def provenance(networks: Sequence[Network], images: Images | None, options: Mapping[str, object]) -> Provenance:
    """All that decides a result. options: the arguments of the analysis, which become ready for JSON here."""
    models = tuple(
        Model(
            network.path.name,
            network.sha256,
            None if images is None else preprocess_of(network),
        )
        for network in networks
    )
    return Provenance(
        models, images, {name: _plain(value) for name, value in options.items()}, networks[0].device.name, versions()
    )


def preprocess_of(network: Network) -> Preprocess:
    """How photos become inputs of a network. Raises OptionError if they do not."""
    return Preprocess(**asdict(network.preparation), source=network.preparation_source)


def _plain(value: object) -> object:
    """An argument as JSON has it: with Python's own numbers in place of NumPy's, a policy by its choices."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Policy):
        return asdict(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, Sequence) and not isinstance(value, str) else value


def model_names(networks: Sequence[Network]) -> list[str]:
    """What to call each network: its file, with its folders where files share a name, numbered where it comes again."""
    files, paths = [network.path.name for network in networks], [str(network.path) for network in networks]
    names = files if len(set(files)) == len(set(paths)) else paths
    times = [names[:i].count(name) + 1 for i, name in enumerate(names)]
    return [f"{name} ({time})" if time > 1 else name for name, time in zip(names, times, strict=True)]


def images_of(seen: Seen) -> Images:
    """The images that were read in a scan."""
    return Images(seen.count, seen.digest, tuple(SkippedImage(entry.id, entry.reason) for entry in seen.skipped))
