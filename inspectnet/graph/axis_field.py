"""Axis: what the units of one map see along one axis of the image, and how much of it they need to be computed.

Both are followed in two ways at once. Position by position: the first and the last pixel that reach it, which is exact
whatever a network does; and as a law, [start + i * jump, start + i * jump + size), which goes on beyond the border,
where padding is seen. What is said of a layer is the law, widened until it holds every unit's pixels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cached_property

import numpy as np

from inspectnet.graph.taps import Taps

Number = int | Fraction
SAFE = 1 << 31  # numbers whose products with positions fit into int64


@dataclass(frozen=True, eq=False)
class AxisField:
    """The receptive fields of a map's units along one axis, in pixels."""

    image: int
    """How far the image reaches."""
    law: tuple[Fraction, Fraction]
    """Where the field of unit 0 begins and ends if the map went on beyond its border."""
    step: Fraction
    """From one unit's field to the next one's; negative where the map is flipped."""
    first: np.ndarray
    """(positions,): the first pixel that reaches each unit; `image` where none does."""
    last: np.ndarray
    """(positions,): the pixel behind the last one that does; 0 where none does."""
    near: np.ndarray
    """(positions,): a crop in which the unit is the same begins here or before."""
    far: np.ndarray
    """(positions,): and ends here or behind."""
    grid: int
    """It begins and ends at a multiple of this, from either end of the image: all maps then move in whole."""

    def __eq__(self, other: object) -> bool:
        """Whether all units see the same pixels and need the same crops."""
        if not isinstance(other, AxisField):
            return NotImplemented
        names = [field.name for field in fields(self)]
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in names)

    def __hash__(self) -> int:
        return hash((self.image, self.law, self.step, self.grid))

    @property
    def jump(self) -> Number:
        """By how many pixels the fields of neighbours differ; negative where the map is flipped."""
        return _whole(self.step)

    @property
    def start(self) -> Number:
        """Where the field of unit 0 begins; negative where it sees padding."""
        return _whole(self._bounds[0])

    @property
    def size(self) -> Number:
        """How many pixels a unit sees; where units differ, as many as hold what any of them sees from its start on."""
        return _whole(self._bounds[1] - self._bounds[0])

    @property
    def is_lost(self) -> bool:
        """Whether units lie so irregularly that nothing less than the image holds what each of them sees."""
        return self.size >= self.image > self.law[1] - self.law[0]

    @cached_property
    def _bounds(self) -> tuple[Fraction, Fraction]:
        seen, (up, down) = np.flatnonzero(self.first < self.last), self.step.as_integer_ratio()
        at = seen if max(abs(up), down) < SAFE else seen.astype(object)
        begins, ends = (self.first[seen] * down - at * up, self.last[seen] * down - at * up)
        return (
            min([self.law[0], *(Fraction(int(begins.min()), down) for _ in seen[:1])]),
            max([self.law[1], *(Fraction(int(ends.max()), down) for _ in seen[:1])]),
        )

    def span(self, position: int) -> tuple[int, int]:
        """The pixels [first, last + 1) that the unit at `position` sees; they may lie outside the image."""
        begin, end = (bound + position * self.step for bound in self._bounds)
        return math.floor(begin), math.ceil(end)

    @cached_property
    def box(self) -> int:
        """How many pixels hold any one unit's span."""
        phases = range(min(self.step.denominator, len(self.first)))
        return max(end - begin for begin, end in map(self.span, phases))

    @cached_property
    def crop(self) -> int:
        """The least extent of a crop that serves every unit."""
        needed = int((self.far - self.near // self.grid * self.grid).max())
        return min(self.image, needed + (self.image - needed) % self.grid)

    def crop_start(self, position: int) -> int:
        """Where the crop for the unit at `position` begins."""
        aligned = int(self.near[position]) // self.grid * self.grid
        return min(aligned, self.image - self.crop)

    @property
    def crop_extent(self) -> int:
        """How many positions the map has on a crop."""
        return len(self.first) - int((self.image - self.crop) / abs(self.step))

    def place(self, position: int) -> int:
        """Where the unit at `position` lies on the map of its crop."""
        start = self.crop_start(position)
        lost = start if self.step > 0 else self.image - start - self.crop
        return position - int(lost / abs(self.step))

    def through(self, taps: Taps) -> "AxisField":
        """The axis of the map whose positions read this one's map as `taps` say."""
        low, high = taps.reach
        bounds = [bound * self.step for bound in (low, high)]
        inside, read = taps.read & (taps.source >= 0), np.maximum(taps.source, 0)
        above = replace(
            self,
            law=(self.law[0] + min(bounds), self.law[1] + max(bounds)),
            step=self.step * taps.ratio,
            first=np.where(inside, self.first[read], self.image).min(axis=1),
            last=np.where(inside, self.last[read], 0).max(axis=1),
        )
        # where padding is read, the border of the crop has to be that of the image
        ends = (taps.read & (taps.place < 0)).any(axis=1), (taps.read & (taps.place >= len(self.first))).any(axis=1)
        at_near, at_far = ends if self.step > 0 else ends[::-1]
        near = np.where(at_near, 0, np.where(inside, self.near[read], self.image).min(axis=1))
        far = np.where(at_far, self.image, np.where(inside, self.far[read], 0).max(axis=1))
        least = self.image - math.floor((len(self.first) - taps.least) * abs(self.step))
        grid = math.lcm(self.grid, (abs(self.step) * (taps.period or 1)).numerator)
        above = replace(above, near=near, far=far, grid=grid)._holding_itself(least)
        return above.uncroppable() if taps.period is None else above

    def _holding_itself(self, least: int) -> "AxisField":
        """The same with crops that hold each unit's own place on the map, and are no smaller than `least`."""
        place = np.array([min(self.image, math.floor(i * abs(self.step))) for i in range(len(self.first))])
        near, far = place, self.image - place[::-1]
        if self.step < 0:
            near, far = self.image - far, self.image - near
        near, far = np.minimum(near, self.near), np.maximum(far, self.far)
        far = np.minimum(self.image, np.maximum(far, near + least))
        return replace(self, near=np.maximum(0, np.minimum(near, far - least)), far=far)

    def uncroppable(self) -> "AxisField":
        """The same on the raster of the whole image, on which it alone is aligned."""
        return replace(self, grid=math.lcm(self.grid, self.image))


def pixels(extent: int) -> AxisField:
    """The axis of the image itself."""
    at = np.arange(extent)
    return AxisField(extent, (Fraction(0), Fraction(1)), Fraction(1), at, at + 1, at, at + 1, 1)


def join(axes: Sequence[AxisField]) -> AxisField:
    """The axis of a map that reads all of several ones, place by place."""
    regular = min(axes, key=lambda axis: axis.step.denominator)
    alike = [axis for axis in axes if axis.step == regular.step]
    joined = replace(
        regular,
        law=(min(axis.law[0] for axis in alike), max(axis.law[1] for axis in alike)),
        first=np.minimum.reduce([axis.first for axis in axes]),
        last=np.maximum.reduce([axis.last for axis in axes]),
        near=np.minimum.reduce([axis.near for axis in axes]),
        far=np.maximum.reduce([axis.far for axis in axes]),
        grid=math.lcm(*(axis.grid for axis in axes)),
    )
    return joined if len(alike) == len(axes) else joined.uncroppable()


def _whole(number: Fraction) -> Number:
    return int(number) if number.denominator == 1 else number
