"""What the classes of a network are called, and which one a user means."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from inspectnet.errors import ImageError, OptionError, nearest
from inspectnet.files.parsing import whole_number
from inspectnet.images import Collection, Targets, all_names, match_labels
from inspectnet.images.labels import Names
from inspectnet.network import Network
from inspectnet.progress import note
from inspectnet.reading.metadata import read_class_table

TABLE = "classes.tsv"  # beside the images, where trainers, too, find it
SHOWN = 5  # classes or labels that a message lists


def class_names(network: Network, file: str | Path | None) -> Names:
    """All that each class is called, the name to show last: in the file, by the model, else its number.

    Raises OptionError if they are not as many as the classes.
    """
    count = network.class_scores().classes
    return known_names([network], count, file)[0] or [(str(i),) for i in range(count)]


def known_names(
    networks: Sequence[Network], count: int, file: str | Path | None, images: Path | None = None
) -> tuple[Names, str]:
    """All that each of `count` classes is called, none if nothing says it, and where that was said.

    By the user in a file, in a table beside the images if it fits, by the models. Raises OptionError.
    """
    own = _own_names(networks, count)
    if file:
        table = read_class_table(file)
        if (names := all_names(own, table, count)) is None:
            what = f"the model has {count} classes, as '{own[0]}'" if own else f"the model has {count} classes"
            raise OptionError(f"{file} has {len(table)} lines that do not fit: {what}. Give a line for each, in order.")
        return names, str(file)
    for beside in tables_beside(images):
        if names := all_names(own, read_class_table(beside), count):
            return names, str(beside)
    return [(name,) for name in own], "named by the model" if own else "by their numbers"


def tables_beside(images: Path | None) -> list[Path]:
    """The files beside images that may name their classes, in the order in which they are asked."""
    return [table for table in (images / TABLE, images.parent / TABLE) if table.is_file()] if images else []


def _own_names(networks: Sequence[Network], count: int) -> Sequence[str]:
    """What the models call their classes, as far as they say it; all that do must agree."""
    naming = [network for network in networks if network.classes]
    for network in naming:
        if len(_named(network)) != count:
            what = f"{network.path} has {count} classes, but names {len(network.classes)}"
            raise OptionError(f"{what}. Name them with inspectnet annotate.")
        if network.classes != naming[0].classes:
            what = f"{naming[0].path} and {network.path} name their classes differently"
            raise OptionError(f"{what}. Evaluate them one by one.")
    return _named(naming[0]) if naming else []


def _named(network: Network) -> Sequence[str]:
    """What a model calls its classes; the one that a single sigmoid speaks for may be named alone."""
    names = network.classes
    return [f"not {names[0]}", names[0]] if len(names) == 1 and network.class_scores().alone else names


def find_class(text: str, names: Names) -> int:
    """The number of the class that is called so, has that number, or alone has it among its words, else in its name.

    Letters may be large or small. Raises OptionError with the nearest names, or those that it is part of.
    """
    wanted, number = text.strip().casefold(), whole_number(text.strip())
    called = [[name.casefold() for name in synonyms] for synonyms in names]
    exact = [i for i, synonyms in enumerate(called) if wanted in synonyms]
    if len(exact) == 1:
        return exact[0]
    numbers = f" They have the numbers 0 to {len(names) - 1}."
    if all(synonyms == (str(i),) for i, synonyms in enumerate(names)):
        numbers += " The model does not name them: give --classes FILE."
    if number is not None:
        if not 0 <= number < len(names):
            raise OptionError(f"no class '{text}'.{numbers}")
        return number
    word = re.escape(wanted)
    parts = exact or (_having(rf"(?<!\w){word}(?!\w)", called) or _having(word, called) if wanted else [])
    if len(parts) == 1:
        return parts[0]
    if parts:
        listed = ", ".join(f"{names[i][-1]} ({i})" for i in parts[:SHOWN]) + ", and more" * (len(parts) > SHOWN)
        raise OptionError(f"'{text}' is part of the names of {len(parts)} classes: {listed}. Say which by its number.")
    raise OptionError(f"no class '{text}'.{nearest(wanted, _words(called)) or numbers}")


def _having(pattern: str, called: Sequence[Sequence[str]]) -> list[int]:
    """The classes in one of whose names the pattern is found."""
    return [i for i, synonyms in enumerate(called) if any(re.search(pattern, name) for name in synonyms)]


def _words(names: Sequence[Sequence[str]]) -> list[str]:
    return [name for synonyms in names for name in synonyms if not name.isdigit()]


def labelled_images(network: Network, collection: Collection, file: str | Path | None) -> Targets | None:
    """The images whose label means a class of the network, as `inspectnet evaluate` finds it; None without labels.

    Raises OptionError for labels that mean nothing.
    """
    try:
        return find_targets([network], network.class_scores().classes, collection, file)[0]
    except ImageError:  # not one has a label, which is no mistake here
        return None


def true_classes(network: Network, collection: Collection, file: str | Path | None) -> tuple[dict[str, int], list[str]]:
    """By image the class it is filed under, and what the classes are called; says so if the labels mean none of them.

    Raises OptionError for a file that does not name the classes.
    """
    names = [synonyms[-1] for synonyms in class_names(network, file)]
    try:
        targets = labelled_images(network, collection, file)
    except OptionError as error:
        note(f"no true classes, so each photo's most likely one is taken: {error}")
        targets = None
    if targets is None:
        return {}, names
    ids = [entry.id for entry in targets.collection]
    return dict(zip(ids, map(int, targets.classes), strict=True)), list(targets.names)


def find_targets(
    networks: Sequence[Network], count: int, collection: Collection, file: str | Path | None
) -> tuple[Targets, str]:
    """The images whose label means one of `count` classes, and where these got their names; says what is left out.

    Raises ImageError if no image has a label, OptionError for labels that mean nothing.
    """
    names, where = known_names(networks, count, file, collection.source)
    targets = match_labels(collection, count, names)
    if targets.left_out:
        labels = [f"'{label}'" if label else "no label" for label in targets.left_out]
        listed = ", ".join(labels[:SHOWN]) + ", ..." * (len(labels) > SHOWN)
        number = sum(targets.left_out.values())
        note(f"left out {number} images, whose label is no class: {listed}")
    return targets, where


def short_names(names: Sequence[str]) -> list[str]:
    """The first synonym of each class, as ImageNet lists them: "tabby, tabby cat"; all where others begin so too."""
    first = [name.split(",")[0].strip() for name in names]
    uses = Counter(first)
    return [short if short and uses[short] == 1 else name for short, name in zip(first, names, strict=True)]
