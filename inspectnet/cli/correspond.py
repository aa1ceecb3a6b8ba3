"""inspectnet correspond: whether the same part means the same in different photos, as in Table 1 of the paper."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspectnet.cli import options
from inspectnet.cli.destination import Destination
from inspectnet.cli.opening import Opening
from inspectnet.errors import OptionError
from inspectnet.report.lines import show, show_json

if TYPE_CHECKING:
    import numpy as np

    from inspectnet.analyses.correspondence import Correspondence
    from inspectnet.images import Preparation
    from inspectnet.images.parts import MarkedPhotos
    from inspectnet.network import Network


DRAWS = "Draws of the permutation test; 0: p is the rank among the random places, for hundreds of them."

Parts = Annotated[
    Path,
    typer.Argument(
        metavar="PARTS.json", help="Photos and the boxes or masks of their parts.", parser=options.path_of,
        show_default=False,
    ),
]  # fmt: skip
Images = Annotated[
    Path | None,
    typer.Option(
        help="The folder of the photos, if not that of PARTS.json.", metavar="FOLDER", parser=options.path_of,
        show_default=False,
    ),
]  # fmt: skip
Randoms = Annotated[int, typer.Option(min=1, help="Random places to compare with, for each part and photo.")]
Together = Annotated[
    bool, typer.Option("--together", help="Random places lie the same way from the part in all photos.")
]
Permutations = Annotated[int, typer.Option(min=0, help=DRAWS)]
Fill = Annotated[str, typer.Option(help="What hides: mean, the mean colour, or a grey level of 0..1.")]
Seed = Annotated[int, typer.Option(min=0, help="Draws the random places and the permutations.")]


def correspond(
    model: options.Model,
    parts: Parts,
    layer: options.Layers,
    images: Images = None,
    randoms: Randoms = 10,
    together: Together = False,
    permutations: Permutations = 9999,
    fill: Fill = "mean",
    seed: Seed = 0,
    batch_size: options.BatchSize = "auto",
    *,
    destination: Destination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Measure whether layers change alike when the same part of different photos is hidden, against random places."""
    from inspectnet.images.parts import prepare_parts, read_parts
    from inspectnet.report.correspondence import print_correspondence, write_correspondence

    network = opening.open(model)
    names = [found.name for found in network.match(layer)]
    paint = _paint(fill, network.preparation)
    size = options.images_at_once(batch_size, network)
    marked = prepare_parts(read_parts(parts, images), network.preparation)
    how = {"randoms": randoms, "together": together, "permutations": permutations, "seed": seed}
    with destination.folder(model.stem, "correspondence.json", [network]) as folder:
        found = _correspond(network, marked, names, fill=paint, batch_size=size, **how)
        record = _record(network, marked, found, {**how, "fill": fill})
        write_correspondence(folder, found, marked, network, paint)
        folder.write_json("correspondence.json", record)
    if as_json:
        show_json(folder.record_text)
    else:
        print_correspondence(record)
        show(f"-> {folder.path}")


def _paint(fill: str, preparation: "Preparation") -> "np.ndarray":
    """The colour that hides, (C,) in prepared units."""
    import numpy as np

    if fill == "mean":
        return np.zeros(preparation.input_size[0], np.float32)
    try:
        level = float(fill)
    except ValueError:
        level = -1
    if not 0 <= level <= 1:
        raise OptionError(f"--fill '{fill}' is neither mean nor a grey level of 0..1, as 0.5.")
    return np.asarray((level - np.array(preparation.mean)) / np.array(preparation.std), np.float32)


def _correspond(network: "Network", marked: "MarkedPhotos", layers: list[str], **how: Any) -> "Correspondence":
    from inspectnet.analyses import correspondence
    from inspectnet.report.progress import progress

    with progress("hiding", len(marked.parts) * len(marked.ids) * (1 + how["randoms"])) as advance:
        return correspondence.correspond(network, marked.x, marked.masks, layers, on_progress=advance, **how)


def _record(network: "Network", marked: "MarkedPhotos", found: "Correspondence", how: dict[str, Any]) -> dict[str, Any]:
    """All that was measured, and all that decides it."""
    from inspectnet.report.correspondence import describe_layers
    from inspectnet.report.run import describe_network
    from inspectnet.runtime.versions import versions

    count = len(marked.ids)
    return {
        **describe_network(network),
        **how,
        "images": {"ids": marked.ids, "count": count, "pairs": count * (count - 1) // 2, "sha256": marked.digest},
        "parts": marked.parts,
        "layers": describe_layers(found, marked.parts),
        "device": network.device.name,
        "versions": versions(),
    }
