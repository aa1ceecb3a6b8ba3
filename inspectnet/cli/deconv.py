"""inspectnet deconv: what a layer sees, as Fig. 2 of the paper shows it."""

from typing import Annotated

from inspectnet.cli import options
from inspectnet.cli.destination import GalleryDestination
from inspectnet.cli.opening import Opening
from inspectnet.cli.options import option

MAPS = "How many maps (drawn by --seed; of one photo the strongest), by default 16; 'all'; or a list: 0,5,7-9."

Tile = Annotated[bool, option("Cut photos into tiles of the network's size, as the sample photos are.", "--tile")]


def deconv(
    model: options.Model,
    layer: options.Addresses,
    images: options.Images,
    index: options.Index = None,
    top: Annotated[int, option("How many activations of each map.", min=1, metavar="N")] = 9,
    maps: Annotated[str | None, option(MAPS, metavar="MAPS")] = None,
    unit: Annotated[str, option("Just these maps, as 0,3,7-12.", metavar="MAPS")] = "",
    tile: Tile = False,
    *,
    method: options.Method = "deconvnet",
    batch_size: options.BatchSize = "auto",
    threads: options.Threads = None,
    seed: Annotated[int, options.seed("Which maps are drawn.")] = 0,
    destination: GalleryDestination,
    opening: Opening,
) -> None:
    """Show what the maps of a layer see: their strongest activations over images, projected to pixels.

    Given one photo, show which maps of the layer it activates most, and the layer's whole activity.
    """
    from inspectnet.analyses import deconv as analysis

    policy, network = options.policy_of(method), opening.open(model)
    collection = options.find_images(images.said, index, destination.out)
    cut = True if tile else None if index else not images.said
    destination.finish(
        [network],
        lambda progress: analysis.deconv(
            network, layer, collection, maps=maps, units=unit, top=top, tile=cut, method=policy, seed=seed,
            batch_size=options.images_at_once(batch_size, network), threads=threads, progress=progress,
        ),
    )  # fmt: skip
