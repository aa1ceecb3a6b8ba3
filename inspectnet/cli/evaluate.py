"""inspectnet evaluate: how often networks are right, as Tables 2 and 3 of the paper tell it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspectnet.cli import options
from inspectnet.cli.opening import Opening
from inspectnet.errors import OptionError

if TYPE_CHECKING:
    from inspectnet.analyses.accuracy import Evaluation
    from inspectnet.images import Collection, Targets
    from inspectnet.images.labels import Names
    from inspectnet.network import Network

IMAGES = "Labelled images: a folder of folders, one for each class, a .txt or .csv list with labels, a .tar."
CLASSES = "What the classes are called: names, one a line, or a TSV; as classes.tsv beside the images."
TABLE = "classes.tsv"

Models = Annotated[list[Path], typer.Argument(metavar="MODEL...", help="ONNX files.", show_default=False)]
Images = Annotated[Path, typer.Option(help=IMAGES, metavar="PATH", parser=options.path_of, show_default=False)]
Crops = Annotated[int, typer.Option(help="1, the middle, or 10: corners and middle, and mirrored.")]
Classes = Annotated[Path | None, typer.Option(help=CLASSES, metavar="FILE", parser=options.path_of, show_default=False)]
Layer = Annotated[
    str, typer.Option("--layer", "-l", help="The layer of the class scores, if not the output.", show_default=False)
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", help="A folder for results as files.", metavar="FOLDER", parser=options.path_of,
        show_default=False,
    ),
]  # fmt: skip


def evaluate(
    models: Models,
    images: Images,
    crops: Crops = 1,
    classes: Classes = None,
    layer: Layer = "",
    out: Out = None,
    batch_size: options.BatchSize = "auto",
    threads: options.Threads = None,
    *,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Measure top-1 and top-5 error on labelled images, of one model or of several and of all together."""
    from contextlib import nullcontext

    from inspectnet.report.evaluation import print_results, write_results
    from inspectnet.report.folder import output_folder
    from inspectnet.report.plain import json_text

    networks = [opening.open(model) for model in models]
    size = options.images_at_once(batch_size, networks[0])
    targets = _targets(networks, layer, options.collection_of(images, out, without=out), classes)
    with output_folder(out) if out else nullcontext() as folder:
        found = _evaluate(networks, targets, layer=layer, crops=crops, batch_size=size, threads=threads)
        record = _record(networks, targets, found, crops, layer)
        if folder:
            write_results(folder, record, found)
    options.say_skipped(record["images"]["skipped"], "--json")
    if as_json:
        print(json_text(record, (out or Path()) / "evaluation.json"), end="")
    else:
        print_results(record)


def _targets(networks: list["Network"], layer: str, collection: "Collection", classes: Path | None) -> "Targets":
    """The images whose label means a class, and which; says what was taken for granted, and what is left out."""
    from inspectnet.analyses.accuracy import class_count
    from inspectnet.images import match_labels

    count = class_count(networks, layer)
    names, where = _names(networks, count, classes, collection.source)
    targets = match_labels(collection, count, names)
    if targets.guessed:
        where = f"a guess: the {count} labels, sorted (say it with --classes, or inspectnet annotate)"
    typer.secho(f"classes: {where}", err=True, fg="yellow" if targets.guessed else None, dim=not targets.guessed)
    if targets.left_out:
        labels = [f"'{label}'" if label else "no label" for label in targets.left_out]
        listed = ", ".join(labels[:5]) + ", ..." * (len(labels) > 5)
        number = sum(targets.left_out.values())
        typer.secho(f"left out {number} images, whose label is no class: {listed}", err=True, fg="yellow")
    return targets


def _names(networks: list["Network"], count: int, classes: Path | None, images: Path) -> tuple["Names", str]:
    """All that each class is called, and where that was said: by the user, beside the images, by the models."""
    from inspectnet.graph.metadata import read_class_table
    from inspectnet.images import all_names

    own = _own_names(networks, count)
    if classes:
        table = read_class_table(classes)
        if (names := all_names(own, table, count)) is None:
            what = f"the model has {count} classes, as '{own[0]}'" if own else f"the model has {count} classes"
            raise OptionError(
                f"{classes} has {len(table)} lines that do not fit: {what}. Give a line for each, in order."
            )
        return names, str(classes)
    for table_file in (images / TABLE, images.parent / TABLE):  # where trainers, too, find it
        if table_file.is_file() and (names := all_names(own, read_class_table(table_file), count)):
            return names, str(table_file)
    return [(name,) for name in own], "named by the model" if own else "by their numbers"


def _own_names(networks: list["Network"], count: int) -> Sequence[str]:
    """What the models call their classes, as far as they say it; all that do must agree."""
    told = [network for network in networks if network.classes]
    for network in told:
        if len(network.classes) != count:
            what = f"{network.path} has {count} classes, but names {len(network.classes)}"
            raise OptionError(f"{what}. Name them with inspectnet annotate.")
        if network.classes != told[0].classes:
            what = f"{told[0].path} and {network.path} name their classes differently"
            raise OptionError(f"{what}. Evaluate them one by one.")
    return told[0].classes if told else []


def _evaluate(networks: list["Network"], targets: "Targets", **how: Any) -> "Evaluation":
    from inspectnet.analyses import accuracy
    from inspectnet.report.progress import progress

    with progress("evaluating", len(targets.collection)) as advance:
        return accuracy.evaluate(
            networks, targets.collection, targets.classes, on_progress=lambda done, total: advance(1), **how
        )


def _record(
    networks: list["Network"], targets: "Targets", found: "Evaluation", crops: int, layer: str
) -> dict[str, Any]:
    """All that was measured, and all that decides it."""
    from inspectnet.report.evaluation import describe_answers
    from inspectnet.report.run import describe_network
    from inspectnet.runtime.versions import versions

    files = [network.path.name for network in networks]
    names = files if len(set(files)) == len(files) else [str(network.path) for network in networks]
    names += [f"ensemble of {len(files)}"] * (len(files) > 1)
    results = zip(found.answers, names, strict=True)
    skipped = [{"image": s.id, "reason": s.reason} for s in found.skipped]
    return {
        "models": [{**describe_network(network), "scores": network.scores(layer).value} for network in networks],
        "crops": crops,
        "images": {
            "count": len(found.images),
            "sha256": found.digest,
            "skipped": skipped,
            "left_out": targets.left_out,
        },
        "classes": targets.names,
        "results": [describe_answers(found, answers, name, targets.names) for answers, name in results],
        "device": networks[0].device.name,
        "versions": versions(),
    }
