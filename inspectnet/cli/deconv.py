"""inspectnet deconv: what a layer sees, as Fig. 2 of the paper shows it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from inspectnet.cli import options
from inspectnet.cli.destination import GalleryDestination
from inspectnet.cli.opening import Opening
from inspectnet.cli.options import option
from inspectnet.errors import OptionError

if TYPE_CHECKING:
    from inspectnet.images import Collection

MAPS = "How many maps, drawn by --seed (of one photo the strongest); 'all'; or a list: 0,5,7-9. By default 16, of few \
images those whose activations are most alike."

INDEX = f"{options.INDEX} Beside one photo: show its maps relative to each one's highest activation there."
AMONG = "Of an index with --each-image just the images of this class, or label."
AT_MOST = "Of an index with --each-image just activations up to this part of each map's highest."

Tile = Annotated[bool, option("Cut photos into tiles of the network's size, as the sample photos are.", "--tile")]


def deconv(
    model: options.Model,
    layer: options.Addresses,
    images: options.Images,
    index: Annotated[Path | None, options.path(INDEX, "--index", metavar="FOLDER")] = None,
    among_class: Annotated[str | None, option(AMONG, metavar="CLASS")] = None,
    at_most: Annotated[float | None, option(AT_MOST, min=0, max=1, metavar="0..1")] = None,
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

    Given one photo, show which maps of the layer it activates most, and the layer's whole activity; with --index most
    relative to each map's highest activation there.
    """
    from inspectnet.analyses import deconv as analysis
    from inspectnet.analyses.sources import among

    policy, network = options.policy_of(method), opening.open(model)
    opened = options.open_index(index) if index else None
    if (among_class is not None or at_most is not None) and (opened is None or images.said):
        raise OptionError("--among-class and --at-most are asked of an index. Say --index, and no other images.")
    if opened is not None and not images.said:
        collection: Collection = among(network, opened, among_class, at_most)
    else:
        collection = images.find(destination.out)
    compared = opened if images.said else None
    cut = True if tile else None if index else not images.said
    destination.finish(
        [network],
        lambda progress: analysis.deconv(
            network, layer, collection, index=compared, maps=maps, units=unit, top=top, tile=cut, method=policy,
            seed=seed, batch_size=options.images_at_once(batch_size, network), threads=threads, progress=progress,
        ),
    )  # fmt: skip
