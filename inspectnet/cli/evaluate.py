"""inspectnet evaluate: how often networks are right, as Tables 2 and 3 of the paper tell it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspectnet.cli import options
from inspectnet.cli.destination import Destination
from inspectnet.cli.opening import SCORES, Opening
from inspectnet.cli.telling import remark
from inspectnet.report.lines import show_json

if TYPE_CHECKING:
    from inspectnet.analyses.accuracy import Evaluation
    from inspectnet.images import Collection, Targets
    from inspectnet.network import Network

IMAGES = "Labelled images: a folder of folders, one for each class, a .txt or .csv list with labels, a .tar."
CLASSES = "What the classes are called: names, one a line, or a TSV; as classes.tsv beside the images."

Models = Annotated[list[Path], typer.Argument(metavar="MODEL...", help="ONNX files.", show_default=False)]
Images = Annotated[Path, typer.Option(help=IMAGES, metavar="PATH", parser=options.path_of, show_default=False)]
Crops = Annotated[int, typer.Option(help="1, the middle, or 10: corners and middle, and mirrored.")]
Classes = Annotated[Path | None, typer.Option(help=CLASSES, metavar="FILE", parser=options.path_of, show_default=False)]
Layer = Annotated[str, typer.Option("--scores", "--layer", "-l", help=SCORES, show_default=False)]
Out = Annotated[Path | None, options.out_folder("A folder for results as files.")]


def evaluate(
    models: Models,
    images: Images,
    crops: Crops = 1,
    classes: options.Classes = None,
    layer: Layer = "",
    out: Out = None,
    overwrite: options.Overwrite = False,
    batch_size: options.BatchSize = "auto",
    threads: options.Threads = None,
    *,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Measure top-1 and top-5 error on labelled images, of one model or of several and of all together."""
    from contextlib import nullcontext

    from inspectnet.report.evaluation import print_results, write_results
    from inspectnet.report.json_text import json_text

    networks = [opening.open(model) for model in models]
    size = options.images_at_once(batch_size, networks[0])
    targets = _targets(networks, layer, options.collection_of(images, out, default=None), classes)
    destination = Destination(out, overwrite)
    with destination.folder("", "evaluation.json", networks) if out else nullcontext() as folder:
        found = _evaluate(networks, targets, layer=layer, crops=crops, batch_size=size, threads=threads)
        record = _record(networks, targets, found, crops, layer)
        if folder:
            write_results(folder, record, found)
    options.say_skipped(record["images"]["skipped"], "--json")
    if as_json:
        show_json(folder.record_text if folder else json_text(record, Path("evaluation.json")))
    else:
        print_results(record)


def _targets(networks: list["Network"], layer: str, collection: "Collection", classes: Path | None) -> "Targets":
    """The images whose label means a class, and which; says what was taken for granted, and what is left out."""
    from inspectnet.analyses.accuracy import class_count
    from inspectnet.classes import find_targets

    count = class_count(networks, layer)
    targets, where = find_targets(networks, count, collection, classes)
    if targets.guessed:
        where = f"a guess: the {count} labels, sorted (say it with --classes, or inspectnet annotate)"
    remark(f"classes: {where}", quiet=not targets.guessed)
    return targets


def _evaluate(networks: list["Network"], targets: "Targets", **how: Any) -> "Evaluation":
    from inspectnet.analyses import accuracy
    from inspectnet.report.progress import progress

    with progress("evaluating", len(targets.collection)) as advance:
        return accuracy.evaluate(networks, targets.collection, targets.classes, advance=advance, **how)


def _record(
    networks: list["Network"], targets: "Targets", found: "Evaluation", crops: int, layer: str
) -> dict[str, Any]:
    """All that was measured, and all that decides it."""
    from inspectnet.report.evaluation import describe_answers, describe_differences
    from inspectnet.report.run import describe_network
    from inspectnet.runtime.versions import versions

    files = [network.path.name for network in networks]
    names = files if len(set(files)) == len(files) else [str(network.path) for network in networks]
    names += [f"ensemble of {len(files)}"] * (len(files) > 1)
    results = zip(found.answers, names, strict=True)
    skipped = [{"image": s.id, "reason": s.reason} for s in found.skipped]
    return {
        "models": [{**describe_network(network), "scores": network.class_scores(layer).value} for network in networks],
        "crops": crops,
        "images": {
            "count": len(found.images),
            "sha256": found.digest,
            "skipped": skipped,
            "left_out": targets.left_out,
        },
        "classes": targets.names,
        "results": [describe_answers(found, answers, name, targets.names) for answers, name in results],
        "differences": describe_differences(found, names),
        "device": networks[0].device.name,
        "versions": versions(),
    }
