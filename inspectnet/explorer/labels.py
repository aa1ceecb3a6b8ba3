"""What the labels of images mean, and what they are worth: where they mean no class, a report goes without."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inspectnet.classes import class_names, labelled_images, short_names
from inspectnet.errors import ModelError, OptionError
from inspectnet.images import Collection
from inspectnet.network import Network
from inspectnet.progress import note


@dataclass(frozen=True)
class Labels:
    """What classes are called, and the class that each label means, and that of each image by its id."""

    names: tuple[str, ...] = ()
    """Empty where nobody says it."""
    of_label: Mapping[str, int] = field(default_factory=dict)
    of_image: Mapping[str, int] = field(default_factory=dict)


def find_labels(network: Network, images: Collection, file: str | Path | None) -> Labels:
    """The classes of images; notes why there are none. file: names the classes. Raises OptionError if it does not."""
    names = tuple(short_names([called[-1] for called in class_names(network, file)])) if file else ()
    names = names or tuple(network.classes)
    try:
        targets = labelled_images(network, images, file)
    except (OptionError, ModelError) as error:
        note(f"labels are left out: {error}")
        return Labels(names)
    if targets is None:
        return Labels(names)
    pairs = list(zip(targets.collection, targets.classes.tolist(), strict=True))
    return Labels(names, {image.label: k for image, k in pairs if image.label}, {image.id: k for image, k in pairs})
