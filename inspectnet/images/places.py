"""Random places for parts of photos: each part moved, in its own shape, to where it touches no part of its photo."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from inspectnet.errors import OptionError
from inspectnet.results import Axes


@dataclass(frozen=True)
class Hidden:
    """What is hidden: P parts of N photos, and each of them moved to R random places."""

    masks: Annotated[np.ndarray, Axes("parts photos height width", "bool")]
    """(P, N, H, W) bool: the parts."""
    ways: Annotated[np.ndarray, Axes("randoms+ parts photos 2", "int64")]
    """(R, P, N, 2) int64: by how many pixels, down and to the right, each is moved for each random place."""

    def at(self, part: int, place: int) -> np.ndarray:
        """(N, H, W) bool: a part of each photo where it is, place 0, or as moved to one of the R places from 1 on."""
        if not place:
            return np.asarray(self.masks[part])
        pairs = zip(self.masks[part], self.ways[place - 1, part], strict=True)
        return np.stack([np.roll(mask, tuple(way), axis=(0, 1)) for mask, way in pairs])


def random_ways(masks: np.ndarray, count: int, seed: int = 0, *, together: bool = False) -> np.ndarray:
    """(count, P, N, 2): by which ways parts (P, N, H, W) move to random places where their boxes touch no part.

    together: by the same way in all photos. Raises OptionError if there is no such place, or nothing in a mask.
    """
    rng, drawn_ways = np.random.default_rng(seed), np.empty((count, *masks.shape[:2], 2), np.int64)
    for part, mine in enumerate(masks):
        ways = [
            _ways(mask, np.any(masks[:, image], axis=0), f"photo {image + 1} of {len(mine)}")
            for image, mask in enumerate(mine)
        ]
        if together:
            ways = [np.logical_and.reduce(ways)] * len(mine)
            if not ways[0].any():
                which = f"part {part + 1} of {len(masks)} cannot be moved the same way in all photos"
                how = "without touching a part or the border. Mark smaller parts, or leave out --together"
                raise OptionError(f"{which} {how}.")
        drawn = rng.choice(np.argwhere(ways[0]), count) if together else None
        for image, mask in enumerate(mine):
            shifts = rng.choice(np.argwhere(ways[image]), count) if drawn is None else drawn
            drawn_ways[:, part, image] = shifts - np.array(mask.shape)
    return drawn_ways


def _ways(mask: np.ndarray, parts: np.ndarray, photo: str) -> np.ndarray:
    """(2 H, 2 W) bool: by which ways, counted from (-H, -W), a mask (H, W) can be moved and touch none of the parts."""
    ys, xs = np.nonzero(mask)
    if not len(ys):
        raise OptionError(f"a part of {photo} has not a single pixel. Mark where it is.")
    height, width = int(np.ptp(ys)) + 1, int(np.ptp(xs)) + 1
    free = _covered(parts, height, width) == 0
    if not free.any():
        what = f"no room beside the parts of {photo} for a box of {width} x {height}, to compare a part with"
        raise OptionError(f"{what}. Mark smaller parts.")
    ways = np.zeros((2 * mask.shape[0], 2 * mask.shape[1]), bool)
    top, left = mask.shape[0] - int(ys.min()), mask.shape[1] - int(xs.min())
    ways[top : top + free.shape[0], left : left + free.shape[1]] = free
    return ways


def _covered(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """How many pixels of a mask (H, W) lie in each box of that size, by its top left corner."""
    sums = np.pad(mask.astype(np.int64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    return np.asarray(sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width])
