"""inspectnet diagnose: what is wrong with a first layer, as Fig. 6 of the paper shows it, of one network or two."""

from pathlib import Path
from typing import Annotated

import typer

from inspectnet import samples
from inspectnet.cli import options
from inspectnet.cli.destination import SignalDestination
from inspectnet.cli.opening import Opening
from inspectnet.errors import OptionError

IMAGES = "A folder, one photo, a .txt or .csv list, a .tar; by default the sample photos."
LAYER = "A layer whose projections are shown; repeatable; by default the second with filters."

Models = Annotated[list[Path], typer.Argument(metavar="MODEL [MODEL2]", help="ONNX files.", show_default=False)]
Images = Annotated[Path | None, typer.Option(help=IMAGES, metavar="PATH", parser=options.path_of)]
Layers = Annotated[list[str], typer.Option("--layer", "-l", help=LAYER, show_default=False)]
Maps = Annotated[int, typer.Option(min=1, help="Maps of such a layer that are shown.")]
Bands = Annotated[str, typer.Option(help="Where middle frequencies begin and end, cycles per pixel.")]
Faint = Annotated[float, typer.Option(min=0, max=1, help="Filters below this part of the median RMS are faint.")]
Duplicate = Annotated[float, typer.Option(min=0, max=1, help="|Cosine| from which filters are duplicates.")]
Seed = Annotated[int, typer.Option(min=0, help="Draws the maps that are shown.")]


def diagnose(
    models: Models,
    images: Images = None,
    layer: Layers = [],  # noqa: B006  (typer's way)
    maps: Maps = 36,
    bands: Bands = "0.15,0.35",
    faint: Faint = 0.1,
    duplicate: Duplicate = 0.9,
    seed: Seed = 0,
    batch_size: options.BatchSize = "auto",
    threads: options.Threads = None,
    *,
    destination: SignalDestination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Diagnose the first layer: dead, dominating and duplicate filters, frequencies, aliasing; two models compared."""
    from inspectnet.analyses import diagnose as analysis
    from inspectnet.report.progress import progress

    if len(models) > 2:
        raise OptionError(f"diagnose compares one or two models, not {len(models)}.")
    edges = _edges(bands)
    networks = [opening.open(model, photos=True if images else None) for model in models]
    source = images or (samples.folder() if all(network.photos for network in networks) else None)
    collection = source and options.collection_of(source, destination.out)
    destination.finish(
        networks,
        lambda: analysis.diagnose(
            networks, collection, layer or None, maps=maps, bands=edges, faint=faint, duplicate=duplicate, seed=seed,
            batch_size=options.images_at_once(batch_size, networks[0]), threads=threads, progress=progress,
        ),
        as_json=as_json,
    )  # fmt: skip


def _edges(text: str) -> tuple[float, float]:
    """Where middle frequencies begin and end."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise OptionError(f"--bands '{text}' is not two frequencies. Write them like 0.15,0.35.") from None
    return low, high
