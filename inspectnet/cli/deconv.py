"""inspectnet deconv: what a layer sees, as Fig. 2 of the paper shows it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspectnet import samples
from inspectnet.cli import options
from inspectnet.cli.destination import Destination
from inspectnet.cli.features import Request, search, show_photo
from inspectnet.cli.maps import Wanted, wanted_maps
from inspectnet.cli.opening import Opening
from inspectnet.errors import RuleError
from inspectnet.report.lines import show, show_json

if TYPE_CHECKING:
    from inspectnet.network import Network
    from inspectnet.report.folder import OutputFolder
    from inspectnet.rules import Policy

IMAGES = "A folder, one photo, a .txt or .csv list, a .tar; by default the sample photos, in tiles."
MAPS = "How many maps (drawn by --seed; of one photo the strongest), 'all', or a list: 0,5,7-9."

Images = Annotated[Path | None, typer.Option(help=IMAGES, metavar="PATH", parser=options.path_of)]
Top = Annotated[int, typer.Option(min=1, help="How many activations of each map.")]
Maps = Annotated[str, typer.Option(help=MAPS)]
Units = Annotated[str, typer.Option(help="Just these maps, as 0,3,7-12.", show_default=False)]
Tile = Annotated[bool, typer.Option(help="Cut photos into tiles of the network's size.")]
Seed = Annotated[int, typer.Option(min=0, help="Which maps are drawn.")]


def deconv(
    model: options.Model,
    layer: options.Layers,
    images: Images = None,
    top: Top = 9,
    maps: Maps = "16",
    unit: Units = "",
    tile: Tile = False,
    *,
    choices: options.PolicyChoices,
    batch_size: options.BatchSize = "auto",
    threads: options.Threads = None,
    seed: Seed = 0,
    destination: Destination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Show what the maps of a layer see: their strongest activations over images, projected to pixels.

    Given one photo, show which maps of the layer it activates most, and the layer's whole activity.
    """

    policy = choices.policy()
    network = opening.open(model)
    wanted, size = wanted_maps(network, layer, maps, unit), options.images_at_once(batch_size, network)
    _check_rules(network, wanted, policy)
    collection = options.collection_of(images or samples.folder(), destination.out)
    request = Request(network, wanted, policy, collection, top, tile or images is None, seed, size, threads)
    with destination.folder(model.stem, "run.json", [network]) as folder:
        record = _run(request, unit or maps, folder)
    _report(record, folder, as_json)


def _run(request: Request, maps: str, folder: "OutputFolder") -> dict[str, Any]:
    """Make the results and their record."""
    from inspectnet.report.run import describe_run

    record = describe_run(request.network, request.policy, [each.layer.name for each in request.wanted])
    record |= {"maps": maps}
    if units := {each.layer.name: each.numbers for each in request.wanted if each.addressed}:
        record |= {"units": units}
    if request.collection.source.is_file() and len(request.collection) == 1 and not request.tile:
        record |= {"images": show_photo(request, folder)}
    else:
        record |= {"images": search(request, folder)}
        record |= {"top": request.top, "tile": request.tile, "seed": request.seed}
    folder.write_json("run.json", record)
    return record


def _check_rules(network: "Network", wanted: list[Wanted], policy: "Policy") -> None:
    """Refuse an operator without a rule before hours of work."""
    for each in wanted:
        if obstacle := network.inverse(policy).obstacle(each.layer.output):
            raise RuleError(obstacle)


def _report(record: dict[str, Any], folder: "OutputFolder", as_json: bool) -> None:
    """Say what was made and what was left out."""
    options.say_skipped(record["images"].get("skipped", []), "run.json")
    if as_json:
        show_json(folder.record_text)
    else:
        show(f"{', '.join(record['layers'])}: {record['images']['count']} images -> {folder.path}")
