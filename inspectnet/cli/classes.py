"""What the classes of a network are called, and which one a user means."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inspectnet.cli import options
from inspectnet.errors import ImageError, OptionError, nearest

if TYPE_CHECKING:
    from inspectnet.images import Collection, Targets
    from inspectnet.images.labels import Names
    from inspectnet.network import Network

FILE = "What the classes are called: names, one a line, or a TSV; if the model does not say."
TABLE = "classes.tsv"  # beside the images, where trainers, too, find it
SHOWN = 5  # classes that a message lists

Classes = Annotated[Path | None, typer.Option(help=FILE, metavar="FILE", parser=options.path_of, show_default=False)]


def class_names(network: "Network", file: Path | None) -> "Names":
    """All that each class is called, the name to show last: in the file, by the model, else its number.

    Raises OptionError if they are not as many as the classes.
    """
    from inspectnet.graph.metadata import read_class_table
    from inspectnet.images import all_names

    count, own = network.scores().classes, network.classes
    if own and len(own) != count:
        what = f"{network.path} has {count} classes, but names {len(own)}"
        raise OptionError(f"{what}. Name them with inspectnet annotate.")
    if file is None:
        return [(name,) for name in own] or [(str(i),) for i in range(count)]
    names = all_names(own, table := read_class_table(file), count)
    if names is None:
        raise OptionError(f"{file} has {len(table)} lines that do not fit the model's {count} classes, in their order.")
    return names


def find_class(text: str, names: "Names") -> int:
    """The number of the class that is called so, has that number, or the only one with it as a part of its name.

    Letters may be large or small. Raises OptionError with the nearest names, or those that it is part of.
    """
    wanted, number = text.strip().casefold(), options.whole_number(text.strip())
    called = [[name.casefold() for name in each] for each in names]
    exact = [i for i, each in enumerate(called) if wanted in each]
    if len(exact) == 1:
        return exact[0]
    if number is not None and number < len(names):
        return number
    parts = exact or [i for i, each in enumerate(called) if any(wanted in name for name in each)] if wanted else []
    if len(parts) == 1:
        return parts[0]
    if parts:
        listed = ", ".join(f"{names[i][-1]} ({i})" for i in parts[:SHOWN]) + ", ..." * (len(parts) > SHOWN)
        raise OptionError(f"'{text}' is part of the names of {len(parts)} classes: {listed}. Say which by its number.")
    known = nearest(wanted, _flat(called)) or f" They have the numbers 0 to {len(names) - 1}."
    raise OptionError(f"no class '{text}'.{known}")


def _flat(names: Sequence[Sequence[str]]) -> list[str]:
    return [name for each in names for name in each]


def labelled_images(network: "Network", collection: "Collection", file: Path | None) -> "Targets | None":
    """The images whose label means a class of the network, as `inspectnet evaluate` finds it; None without labels.

    Raises OptionError for labels that mean nothing.
    """
    from inspectnet.images import match_labels

    if file is None:
        folders = (collection.source, collection.source.parent)
        file = next((table for folder in folders if (table := folder / TABLE).is_file()), None)
    names = class_names(network, file)
    told = file is not None or bool(network.classes)
    try:
        targets = match_labels(collection, network.scores().classes, names if told else ())
    except ImageError:  # not one has a label, which is no mistake here
        return None
    if targets.left_out:
        number = sum(targets.left_out.values())
        typer.secho(f"left out {number} images, whose label is no class", err=True, fg="yellow")
    return targets
