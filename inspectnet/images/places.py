"""Random places for parts of photos: each part moved, in its own shape, to where it touches no part of its photo."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from inspectnet.errors import OptionError
from inspectnet.results import Axes

TRIES = 1000  # steps that are drawn before it is said that there is none


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

    together: a part's random places in all photos are as near to each other as the part's own: these are moved by one
    step and dealt out anew among the photos. Raises OptionError if there is no such place, or nothing in a mask.
    """
    rng, drawn_ways = np.random.default_rng(seed), np.empty((count, *masks.shape[:2], 2), np.int64)
    for part, mine in enumerate(masks):
        ways = np.stack(
            [
                _ways(mask, np.any(masks[:, image], axis=0), f"photo {image + 1} of {len(mine)}")
                for image, mask in enumerate(mine)
            ]
        )
        if together:
            which = f"part {part + 1} of {len(masks)}"
            for place in range(count):
                drawn_ways[place, part] = _dealt(ways, mine, rng, which)
            continue
        for image, free in enumerate(ways):
            drawn_ways[:, part, image] = rng.choice(np.argwhere(free), count) - np.array(mine.shape[1:])
    return drawn_ways


def _dealt(ways: np.ndarray, masks: np.ndarray, rng: np.random.Generator, which: str) -> np.ndarray:
    """(N, 2): by which ways the masks (N, H, W) of a part move to each other's middles, and by one step more."""
    size, photos = np.array(masks.shape[1:]), np.arange(len(masks))
    middles = np.array([_middle(mask) for mask in masks])
    to = middles - middles[:, None]  # (N, N, 2), from the middle in one photo to that in another
    for _ in range(TRIES):
        step = rng.integers(-middles.min(axis=0), size - middles.max(axis=0))
        down, right = np.moveaxis(to + step + size, -1, 0)
        given = _deal(ways[photos[:, None], down, right], rng)
        if given is not None:
            return np.asarray(to[photos, given] + step)
    what = f"the places of {which} cannot be moved and dealt out anew among the photos without touching a part"
    raise OptionError(f"{what} or the border. Mark smaller parts, or leave out --together.")


def _middle(mask: np.ndarray) -> np.ndarray:
    ends = np.argwhere(mask)
    return np.asarray((ends.min(axis=0) + ends.max(axis=0)) // 2)


def _deal(free: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """(N,): for each row of `free` (N, N) bool another column in which it is set, at random; None if that cannot be.

    Rows take columns in a random order; one that finds none of its own free makes others change (Kuhn 1955).
    """
    column_of, row_of = np.full(len(free), -1), np.full(len(free), -1)
    for row in rng.permutation(len(free)):
        wanted_by, asking, column = dict[int, int](), [int(row)], -1
        while asking and (column < 0 or row_of[column] >= 0):
            asks = asking.pop()
            for column in rng.permutation(np.flatnonzero(free[asks])).tolist():
                if column not in wanted_by:
                    wanted_by[column] = asks
                    if row_of[column] < 0:
                        break
                    asking.append(int(row_of[column]))
        if column < 0 or row_of[column] >= 0:
            return None
        while column >= 0:  # back along those who asked, each of whom leaves a column to the one before
            asks = wanted_by[column]
            row_of[column], column_of[asks], column = asks, column, column_of[asks]
    return column_of


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
