"""inspectnet deconv: what a layer sees, as Fig. 2 of the paper shows it."""

from pathlib import Path
from typing import Annotated

import typer

from inspectnet import samples
from inspectnet.cli import options
from inspectnet.cli.destination import GalleryDestination
from inspectnet.cli.opening import Opening

IMAGES = "A folder, one photo, a .txt or .csv list, a .tar; by default the sample photos, in tiles."
MAPS = "How many maps (drawn by --seed; of one photo the strongest), by default 16; 'all'; or a list: 0,5,7-9."

Images = Annotated[Path | None, typer.Option(help=IMAGES, metavar="PATH", parser=options.path_of)]
Top = Annotated[int, typer.Option(min=1, help="How many activations of each map.")]
Maps = Annotated[str | None, typer.Option(help=MAPS, show_default=False)]
Units = Annotated[str, typer.Option(help="Just these maps, as 0,3,7-12.", show_default=False)]
Tile = Annotated[bool, typer.Option(help="Cut photos into tiles of the network's size.")]
Seed = Annotated[int, typer.Option(min=0, help="Which maps are drawn.")]


def deconv(
    model: options.Model,
    layer: options.Layers,
    images: Images = None,
    top: Top = 9,
    maps: Maps = None,
    unit: Units = "",
    tile: Tile = False,
    *,
    method: options.Method = "deconvnet",
    batch_size: options.BatchSize = "auto",
    threads: options.Threads = None,
    seed: Seed = 0,
    destination: GalleryDestination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Show what the maps of a layer see: their strongest activations over images, projected to pixels.

    Given one photo, show which maps of the layer it activates most, and the layer's whole activity.
    """
    from inspectnet.analyses import deconv as analysis
    from inspectnet.report.progress import progress

    policy, network = options.policy_of(method), opening.open(model)
    collection = options.collection_of(images or samples.folder(), destination.out)
    destination.finish(
        [network],
        lambda: analysis.deconv(
            network, collection, layer, maps=maps, units=unit, top=top, tile=tile or images is None, policy=policy,
            seed=seed, batch_size=options.images_at_once(batch_size, network), threads=threads, progress=progress,
        ),
        as_json=as_json,
    )  # fmt: skip
