"""What an analysis takes for images; without a word the photos that ship."""

from inspectnet import images as pictures
from inspectnet import samples
from inspectnet.images import Collection, Sources


def collection_of(images: Sources | None) -> Collection:
    """The images of one source or several, by default the sample photos. Raises ImageError."""
    return pictures.collection_of(samples.folder() if images is None else images)
