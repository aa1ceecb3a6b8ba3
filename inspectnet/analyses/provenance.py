"""The provenance of a result, from the networks that were opened and the images that were read."""

from collections.abc import Mapping, Sequence

from inspectnet.network import Network
from inspectnet.results import Images, Model, Provenance
from inspectnet.runtime.versions import versions


def provenance(networks: Sequence[Network], images: Images | None, options: Mapping[str, object]) -> Provenance:
    """All that decides a result. options: the arguments of the analysis, ready for JSON."""
    models = tuple(
        Model(
            network.path.name,
            network.sha256,
            None if images is None else {**network.preparation.to_json(), "source": network.preparation_source},
        )
        for network in networks
    )
    return Provenance(models, images, dict(options), networks[0].device.name, versions())
