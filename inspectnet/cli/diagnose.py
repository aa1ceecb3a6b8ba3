"""inspectnet diagnose: what is wrong with a first layer, as Fig. 6 of the paper shows it, of one network or two."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspectnet import samples
from inspectnet.cli import options
from inspectnet.cli.destination import Destination
from inspectnet.cli.opening import Opening
from inspectnet.errors import OptionError
from inspectnet.report.lines import show, show_json

if TYPE_CHECKING:
    from inspectnet.analyses.diagnosis import Diagnosis
    from inspectnet.analyses.features import LayerFeatures
    from inspectnet.images import Collection
    from inspectnet.network import Network
    from inspectnet.report.diagnosis import Diagnosed

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
    destination: Destination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Diagnose the first layer: dead, dominating and duplicate filters, frequencies, aliasing; two models compared."""
    from inspectnet.report.diagnosis import print_diagnosis, write_diagnosis

    if len(models) > 2:
        raise OptionError(f"{len(models)} models do not stand side by side. Say one or two.")
    edges = _edges(bands)
    networks = [opening.open(model) for model in models]
    collection = options.collection_of(images or samples.folder(), destination.out)
    size = options.images_at_once(batch_size, networks[0])
    files = [network.path.name for network in networks]
    names = files if len(set(files)) == len(files) else [str(network.path) for network in networks]
    with destination.folder("-".join(model.stem for model in models), "diagnosis.json", networks) as folder:
        found = [
            replace(_diagnose(network, name, collection, layer, (maps, seed), bands=edges, batch_size=size,
                              threads=threads), faint=faint, duplicate=duplicate)
            for network, name in zip(networks, names, strict=True)
        ]  # fmt: skip
        how = {"bands": edges, "faint": faint, "duplicate": duplicate, "maps": maps, "seed": seed}
        record = _record(found, how)
        write_diagnosis(folder, found, edges)
        folder.write_json("diagnosis.json", record)
    options.say_skipped(record["images"]["skipped"], "diagnosis.json")
    if as_json:
        show_json(folder.record_text)
    else:
        print_diagnosis(found, record["verdict"])
        show(f"-> {folder.path}")


def _edges(text: str) -> tuple[float, float]:
    """Where middle frequencies begin and end."""
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low = high = -1.0
    if not 0 < low < high < 0.75:
        raise OptionError(f"--bands '{text}' is not two rising frequencies of 0..0.7 cycles per pixel, as 0.15,0.35.")
    return low, high


def _diagnose(
    network: "Network", name: str, collection: "Collection", layers: list[str], shown: tuple[int, int], **how: Any
) -> "Diagnosed":
    from inspectnet.analyses import diagnosis
    from inspectnet.analyses.filters import second_layer
    from inspectnet.report.diagnosis import Diagnosed
    from inspectnet.report.progress import progress

    above = [each.name for each in (network.match(layers) if layers else [second_layer(network)])]
    for each in above:
        if reason := network.inverse().obstacle(each):
            raise OptionError(reason)
    weighted = [each.name for each in network.layers if each.parameters][:-1]  # the last holds scores, which have signs
    with progress("diagnosing", len(collection)) as advance:
        found = diagnosis.diagnose(network, collection, weighted, advance=advance, **how)
    return Diagnosed(name, network, found, _project(network, collection, above, shown, how["batch_size"]))


def _project(
    network: "Network", collection: "Collection", layers: list[str], shown: tuple[int, int], batch_size: int
) -> list["LayerFeatures"]:
    """The strongest activation of some maps of each of the layers, projected."""
    from inspectnet.analyses import features
    from inspectnet.images import Reader
    from inspectnet.report.progress import progress
    from inspectnet.rules import Policy

    count, seed = shown
    with progress("scanning", len(collection)) as advance:
        found = features.scan(network, collection, layers, top=1, batch_size=batch_size, advance=advance)
    chosen = [features.choose_maps(ranking, count, seed) for ranking in found.rankings]
    reader = Reader(collection, network.preparation)
    with progress("projecting", sum(map(len, chosen)), "activations") as advance:
        return [
            features.project_winners(network, reader, ranking, maps, Policy(), advance=advance)
            for ranking, maps in zip(found.rankings, chosen, strict=True)
        ]


def _record(found: list["Diagnosed"], how: dict[str, Any]) -> dict[str, Any]:
    """All that was measured, and all that decides it."""
    from inspectnet.report.diagnosis import describe_diagnosis, describe_verdict
    from inspectnet.runtime.versions import versions

    seen: Diagnosis = found[0].found
    skipped = [{"image": each.id, "reason": each.reason} for each in seen.skipped]
    return {
        "models": [{"name": each.name, **describe_diagnosis(each)} for each in found],
        "verdict": describe_verdict(found),
        **how,
        "images": {"count": seen.images, "sha256": seen.digest, "skipped": skipped},
        "device": found[0].network.device.name,
        "versions": versions(),
    }
