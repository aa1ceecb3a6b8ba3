"""What an analysis takes for images."""

import numpy as np

from inspectnet import samples
from inspectnet.analyses.sources import collection_of


def test_photos_in_memory_among_other_sources_are_told_apart():
    photo = np.zeros((8, 8, 3), np.uint8)
    names = [entry.id for entry in collection_of([samples.folder(), photo, photo + 1])]
    assert names[:3] == ["0", "1", "astronaut.jpg"] and len(names) == len(set(names))
