"""The two ways in which deconv works: a search through many images, and a look at one photo."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspectnet.analyses.features import Scan
    from inspectnet.cli.maps import Wanted
    from inspectnet.images import Collection
    from inspectnet.network import Network
    from inspectnet.report.folder import OutputFolder
    from inspectnet.rules import Policy


@dataclass(frozen=True)
class Request:
    """All that a search needs to know."""

    network: "Network"
    wanted: list["Wanted"]
    policy: "Policy"
    collection: "Collection"
    top: int
    tile: bool
    seed: int
    batch_size: int
    threads: int | None

    @property
    def files(self) -> dict[str, str]:
        """The name of each layer's files."""
        from inspectnet.report.names import file_names

        return file_names(each.layer.name for each in self.wanted)


def search(request: Request, folder: "OutputFolder") -> dict[str, Any]:
    """Scan once for all layers, then project and write layer by layer; gives what the record says of the images."""
    from inspectnet.analyses.features import refuse_too_many
    from inspectnet.report.progress import progress

    for each in request.wanted:
        refuse_too_many(each.layer, each.most, request.top, request.network)
    found = _scan(request)
    chosen = [
        wanted.among(ranking, request.seed) for wanted, ranking in zip(request.wanted, found.rankings, strict=True)
    ]
    total = sum(int((r.keys[maps, :, 0] >= 0).sum()) for r, maps in zip(found.rankings, chosen, strict=True))
    with progress("projecting", total, "activations") as advance:
        _write_layers(request, found, chosen, folder, advance)
    skipped = [{"image": s.id, "reason": s.reason} for s in found.seen.skipped]
    return {"count": found.seen.count, "sha256": found.seen.digest, "skipped": skipped}


def _scan(request: Request) -> "Scan":
    from inspectnet.analyses import features
    from inspectnet.report.progress import progress

    with progress("scanning", len(request.collection)) as advance:
        return features.scan(
            request.network,
            request.collection,
            [each.layer.name for each in request.wanted],
            top=request.top,
            tile=request.tile,
            batch_size=request.batch_size,
            threads=request.threads,
            advance=advance,
        )


def _write_layers(request: Request, found: "Scan", chosen: list[list[int]], folder: "OutputFolder", done: Any) -> None:
    from inspectnet.analyses import features
    from inspectnet.images import Reader
    from inspectnet.report.features import write_features

    reader = Reader(request.collection, request.network.preparation, request.tile)
    words = f"{found.seen.count} {'tiles' if request.tile else 'images'}"
    for ranking, maps in zip(found.rankings, chosen, strict=True):
        made = features.project_winners(request.network, reader, ranking, maps, request.policy, advance=done)
        write_features(folder, request.files[ranking.layer.name], made, request.network, words)


def show_photo(request: Request, folder: "OutputFolder") -> dict[str, Any]:
    """What one photo activates in each layer; gives what the record says of the image."""
    from inspectnet.analyses.features import inspect_photo
    from inspectnet.images import Reader
    from inspectnet.report.features import write_photo

    network, name = request.network, request.collection.entries[0].id
    x = Reader(request.collection, network.preparation).load(0)
    for each in request.wanted:
        made = inspect_photo(network, x, name, each.layer.name, each.of_photo(), request.policy)
        write_photo(folder, request.files[each.layer.name], made, network, name)
    skipped = [{"image": s.id, "reason": s.reason} for s in request.collection.skipped]
    return {"count": 1, "photo": name, "skipped": skipped}
