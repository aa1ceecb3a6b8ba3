"""inspectnet diagnose: what is wrong with a first layer, as Fig. 6 of the paper shows it, of one network or two."""

from pathlib import Path
from typing import Annotated

from inspectnet.cli import options
from inspectnet.cli.destination import SignalDestination
from inspectnet.cli.opening import Opening
from inspectnet.cli.options import option
from inspectnet.errors import OptionError

LAYER = f"{options.LAYERS} Its projections are shown, by default of the second with filters."

Images = Annotated[list[Path], options.path(f"{options.IMAGES} By default the sample photos.", "--images")]
Maps = Annotated[int, option("Maps of such a layer that are shown.", min=1, metavar="N")]
Bands = Annotated[str, option("Where middle frequencies begin and end, cycles per pixel.", metavar="LOW,HIGH")]
Faint = Annotated[float, option("Filters below this part of the median RMS are faint.", min=0, max=1, metavar="0..1")]
Duplicate = Annotated[float, option("|Cosine| from which filters are duplicates.", min=0, max=1, metavar="0..1")]


def diagnose(
    models: options.Models,
    layer: Annotated[list[str], options.layers(LAYER)] = [],  # noqa: B006  (typer's way)
    images: Images = [],  # noqa: B006
    index: options.Index = None,
    maps: Maps = 36,
    bands: Bands = "0.15,0.35",
    faint: Faint = 0.1,
    duplicate: Duplicate = 0.9,
    seed: Annotated[int, options.seed("Draws the maps that are shown.")] = 0,
    batch_size: options.BatchSize = "auto",
    threads: options.Threads = None,
    *,
    destination: SignalDestination,
    opening: Opening,
) -> None:
    """Diagnose the first layer: dead, dominating and duplicate filters, frequencies, aliasing; two models compared."""
    from inspectnet.analyses import diagnose as analysis

    if len(models) > 2:
        raise OptionError(f"diagnose compares one or two models, not {len(models)}.")
    edges = options.floats(bands, "--bands", "0.15,0.35")
    if len(edges) != 2:
        raise OptionError(f"--bands '{bands}' is not two frequencies. Write them like 0.15,0.35.")
    low, high = edges
    networks = [opening.open(model, photos=True if images or index else None) for model in models]
    looks = images or index or all(network.photos for network in networks)
    collection = options.find_images(images, index, destination.out) if looks else None
    destination.finish(
        networks,
        lambda progress: analysis.diagnose(
            networks, layer or None, collection, maps=maps, bands=(low, high), faint=faint, duplicate=duplicate,
            batch_size=options.images_at_once(batch_size, networks[0]), threads=threads, seed=seed, progress=progress,
        ),
    )  # fmt: skip
