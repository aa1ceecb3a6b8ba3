"""inspectnet evolve: how features come to be while a network is trained, as Fig. 4 of the paper shows it."""

from pathlib import Path
from typing import Annotated

import typer

from inspectnet.cli import options
from inspectnet.cli.destination import SignalDestination
from inspectnet.cli.opening import Opening
from inspectnet.cli.options import option
from inspectnet.errors import OptionError
from inspectnet.files.parsing import whole_number

CHECKPOINTS = "ONNX files of one training, or a folder of them; each says its epoch."
IMAGES = f"{options.IMAGES} The paper takes the training images. Needed without --index."
COMPARED = "Images, evenly spaced, whose activations are compared."

Images = Annotated[list[Path], options.path(IMAGES, "--images")]
Epochs = Annotated[str, option("The epochs of the files, in their order, if they do not say: 1,2,5.", metavar="EPOCHS")]


def evolve(
    checkpoints: Annotated[list[Path], typer.Argument(metavar="MODEL...", help=CHECKPOINTS, parser=options.path_of)],
    layer: options.Addresses,
    images: Images = [],  # noqa: B006  (typer's way)
    index: options.Index = None,
    maps: Annotated[str, option("How many maps, drawn by --seed, or a list: 0,5,7-9.", metavar="MAPS")] = "6",
    epochs: Epochs = "",
    near: Annotated[float, option("How like its last state a settled layer is.", min=0, max=1, metavar="0..1")] = 0.9,
    compared: Annotated[int, option(COMPARED, min=4, metavar="N")] = 256,
    *,
    method: options.Method = "deconvnet",
    seed: Annotated[int, options.seed("Draws the maps, and the places that are compared.")] = 0,
    batch_size: options.BatchSize = "auto",
    threads: options.Threads = None,
    destination: SignalDestination,
    opening: Opening,
) -> None:
    """Show how features come to be: the strongest projection of some maps at each checkpoint of a training."""
    from inspectnet.analyses import evolve as analysis

    files, policy = options.files_of(checkpoints), options.policy_of(method)
    if len(files) < 2:
        raise OptionError(f"{checkpoints[0]} is not two checkpoints or more. Name several files, or their folder.")
    if not images and not index:
        raise OptionError("there are no images. Say --images, or --index.")
    networks = [opening.open(f, photos=i == 0) for i, f in enumerate(files)]
    times, collection = _epochs(epochs, len(files)), options.find_images(images, index, destination.out)
    destination.finish(
        networks,
        lambda progress: analysis.evolve(
            networks, layer, collection, epochs=times, maps=maps, near=near, method=policy, compared=compared,
            seed=seed, batch_size=options.images_at_once(batch_size, networks[0]), threads=threads, progress=progress,
        ),
        name=files[-1].stem,
    )  # fmt: skip


def _epochs(text: str, files: int) -> list[int] | None:
    """The epoch of each checkpoint, if the user says it. Raises OptionError."""
    said = [whole_number(part.strip()) for part in text.split(",")] if text else []
    if text and (len(said) != files or None in said):
        raise OptionError(f"--epochs '{text}' is not a whole number for each of {files} files.")
    return [number for number in said if number is not None] or None
