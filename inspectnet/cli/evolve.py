"""inspectnet evolve: how features come to be while a network is trained, as Fig. 4 of the paper shows it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspectnet.cli import options
from inspectnet.cli.destination import Destination
from inspectnet.cli.opening import Opening
from inspectnet.errors import OptionError, RuleError
from inspectnet.files.parsing import whole_number
from inspectnet.report.lines import show, show_json

if TYPE_CHECKING:
    from inspectnet.analyses.evolution import Evolution
    from inspectnet.analyses.selection import Selection
    from inspectnet.images import Collection
    from inspectnet.network import Network
    from inspectnet.rules import Policy

CHECKPOINTS = "ONNX files of one training, or a folder of them; each says its epoch."
IMAGES = "A folder, a .txt or .csv list, a .tar; the paper takes the training images."
MAPS = "How many maps, drawn by --seed, or a list: 0,5,7-9."
EPOCHS = "The epochs of the files, in their order, if they do not say: 1,2,5."
NEAR = "How like its last state a settled layer is, 0..1."

Checkpoints = Annotated[
    list[Path], typer.Argument(metavar="CKPT.onnx...", help=CHECKPOINTS, parser=options.path_of, show_default=False)
]
Images = Annotated[Path, typer.Option(help=IMAGES, metavar="PATH", parser=options.path_of, show_default=False)]
Maps = Annotated[str, typer.Option(help=MAPS)]
Epochs = Annotated[str, typer.Option(help=EPOCHS, show_default=False)]
Near = Annotated[float, typer.Option(min=0, max=1, help=NEAR)]
Compared = Annotated[int, typer.Option(min=4, help="Images, evenly spaced, whose activations are compared.")]
Seed = Annotated[int, typer.Option(min=0, help="Draws the maps, and the places that are compared.")]


def evolve(
    checkpoints: Checkpoints,
    layer: options.Layers,
    images: Images,
    maps: Maps = "6",
    epochs: Epochs = "",
    near: Near = 0.9,
    compared: Compared = 256,
    *,
    choices: options.PolicyChoices,
    seed: Seed = 0,
    batch_size: options.BatchSize = "auto",
    threads: options.Threads = None,
    destination: Destination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Show how features come to be: the strongest projection of some maps at each checkpoint of a training."""
    from inspectnet.analyses.selection import select_maps
    from inspectnet.report.evolution import print_evolution, write_evolution

    files, policy = _files(checkpoints), choices.policy()
    networks = [opening.open(f, photos=i == 0) for i, f in enumerate(files)]
    times, wanted = _epochs(networks, epochs), select_maps(networks[-1], layer, maps)
    _check(networks, wanted, policy)
    collection = options.collection_of(images, destination.out)
    how = {"compared": compared, "seed": seed, "batch_size": options.images_at_once(batch_size, networks[0])}
    with destination.folder(files[-1].stem, "evolution.json", networks) as folder:
        found = _evolve(networks, times, collection, wanted, policy, threads, how)
        record = _record(networks, times, found, policy, {"near": near, "compared": compared, "seed": seed})
        write_evolution(folder, record, found, networks[-1])
    options.say_skipped(record["images"]["skipped"], "evolution.json")
    if as_json:
        show_json(folder.record_text)
    else:
        print_evolution(record)
        show(f"-> {folder.path}")


def _files(checkpoints: list[Path]) -> list[Path]:
    """The files, those of a folder in the order of their names."""
    found = [f for each in checkpoints for f in (sorted(each.glob("*.onnx")) if each.is_dir() else [each])]
    if len(found) < 2:
        raise OptionError(f"{checkpoints[0]} is not two checkpoints or more. Name several files, or their folder.")
    return found


def _epochs(networks: list["Network"], text: str) -> list[int]:
    """The epoch of each checkpoint, as the user says or the files do. Raises OptionError."""
    if text:
        said = [whole_number(part.strip()) for part in text.split(",")]
        if len(said) != len(networks) or None in said:
            raise OptionError(f"--epochs '{text}' is not a whole number for each of {len(networks)} files.")
        return [number for number in said if number is not None]
    for network in networks:
        if network.epoch is None:
            raise OptionError(f"{network.path} does not say its epoch (metadata inspectnet.training). Say --epochs.")
    return [network.epoch for network in networks if network.epoch is not None]


def _check(networks: list["Network"], wanted: list["Selection"], policy: "Policy") -> None:
    """Refuse an operator without a rule, and more than memory holds, before hours of work."""
    from inspectnet.analyses.layer_features import refuse_too_many

    for each in wanted:
        refuse_too_many(networks[-1], each.layer, each.most, len(networks))
        if obstacle := networks[-1].inverse(policy).obstacle(each.layer.output):
            raise RuleError(obstacle)


def _evolve(
    networks: list["Network"], epochs: list[int], collection: "Collection", wanted: list["Selection"], policy: "Policy",
    threads: int | None, how: dict[str, int],
) -> "Evolution":  # fmt: skip
    from inspectnet.analyses import evolution
    from inspectnet.report.progress import progress

    maps = {each.layer.name: each.most if each.numbers is None else each.numbers for each in wanted}
    with progress("scanning", len(collection)) as advance:
        return evolution.evolve(
            networks, epochs, collection, list(maps), maps=maps, policy=policy, threads=threads,
            advance=advance, **how,
        )  # fmt: skip


def _record(
    networks: list["Network"], epochs: list[int], found: "Evolution", policy: "Policy", how: dict[str, Any]
) -> dict[str, Any]:
    """All that was measured, and all that decides it."""
    from inspectnet.report.evolution import describe_evolution
    from inspectnet.report.run import describe_run

    ordered = sorted(zip(epochs, networks, strict=True), key=lambda pair: pair[0])
    last = describe_run(ordered[-1][1], policy, [each.layer.name for each in found.layers])
    skipped = [{"image": s.id, "reason": s.reason} for s in found.skipped]
    return {
        "checkpoints": [{"model": n.path.name, "model_sha256": n.sha256, "epoch": epoch} for epoch, n in ordered],
        "epochs": found.epochs,
        **{key: last[key] for key in ("preprocess", "method", "policy", "ops", "device", "versions")},
        **how,
        "images": {"count": len(found.images), "sha256": found.digest, "skipped": skipped},
        "layers": describe_evolution(found, how["near"]),
    }
