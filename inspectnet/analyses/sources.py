"""What an analysis takes for images; without a word the photos that ship."""

import numpy as np

from inspectnet import images as pictures
from inspectnet import samples
from inspectnet.classes import class_names, find_class, labelled_images
from inspectnet.errors import OptionError
from inspectnet.images import Collection, Part, Sources
from inspectnet.index import Among, Index
from inspectnet.network import Network


def collection_of(images: Sources | None) -> Collection:
    """The images of one source or several, by default the sample photos. Raises ImageError."""
    return pictures.collection_of(samples.folder() if images is None else images)


def among(network: Network, index: Index, name: str | None, at_most: float | None) -> Index | Among:
    """The images of an index that are filed under a label, or a class of the network by its name or number.

    at_most: see `Index.among`. All of it without either. Raises OptionError for a class that there is not, and as that.
    """
    named = network.classes or (name or "").isdecimal()
    if name is None or name in index.labels or not named:
        return index if name is None and at_most is None else index.among(name, at_most=at_most)
    try:
        targets = labelled_images(network, index, None)
    except OptionError:  # its labels mean none of the network's classes
        targets = None
    if targets is None:
        return index.among(name, at_most=at_most)  # which refuses it, and says what there is
    wanted, part = find_class(name, class_names(network, None)), targets.collection
    assert isinstance(part, Part), "matched images are a part of those given"
    entries = [part.numbers[i] for i in np.flatnonzero(targets.classes == wanted).tolist()]
    if not entries:
        raise OptionError(f"no image of the index {index.folder} is of the class {targets.names[wanted]}.")
    return index.among(targets.names[wanted], entries=entries, at_most=at_most)
