"""Every network of the paper as rows of numbers; `network.build` turns a row into modules.

Shapes come out of the rows as well, so a table of sides and parameters needs no torch:
ZFNet at the paper's scale runs 224 -> 110 -> 55 -> 26 -> 13 -> 13 -> 13 -> 13 -> 6 (Zeiler & Fergus, Fig. 3).
"""

from dataclasses import dataclass, field, replace
from typing import Any

Pads = tuple[int, int, int, int]  # top, left, bottom, right, as in ONNX


@dataclass(frozen=True)
class Pool:
    """Max pooling over a square window."""

    kernel: int = 3
    stride: int = 2
    pad: int = 0
    ceil: bool = False  # a last window may hang over the edge, as in cuda-convnet

    def side(self, side: int) -> int:
        """Side of the pooled map."""
        span = side + 2 * self.pad - self.kernel
        side_out = (-(-span // self.stride) if self.ceil else span // self.stride) + 1
        starts_outside = (side_out - 1) * self.stride >= side + self.pad
        return side_out - 1 if self.ceil and starts_outside else side_out


@dataclass(frozen=True)
class Conv:
    """A convolutional layer: filters, ReLU, and what follows them."""

    number: int  # the paper's number of the layer; it stays when layers below are removed
    maps: int
    kernel: int
    stride: int = 1
    pads: Pads = (0, 0, 0, 0)
    groups: int = 1
    pool: Pool | None = None
    norm: bool = False

    def side(self, side: int) -> int:
        """Side of the map before pooling; filters that do not fit whole are cut off."""
        return (side + self.pads[0] + self.pads[2] - self.kernel) // self.stride + 1


@dataclass(frozen=True)
class Norm:
    """Local response normalisation, in ONNX's convention: alpha is divided by size.

    Zeiler & Fergus give no constants but refer to Krizhevsky et al. (2012), who print k=2, n=5 and
    an undivided alpha=1e-4: that is alpha=5e-4 here.
    """

    size: int = 5
    alpha: float = 5e-4
    beta: float = 0.75
    bias: float = 2.0


@dataclass(frozen=True)
class Architecture:
    """One network: convolutional rows, fully connected layers (number, units), and the classes (fc8)."""

    name: str
    side: int
    convs: tuple[Conv, ...]
    hidden: tuple[tuple[int, int], ...]
    classes: int
    norm: Norm = field(default_factory=Norm)
    norm_first: bool = False  # AlexNet normalises before it pools, ZFNet after
    parameters: int | None = None  # where the number is known, `network.build` asserts it

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> "Architecture":
        """Back from dataclasses.asdict, as checkpoints keep it."""
        convs = tuple(
            Conv(**{**c, "pads": tuple(c["pads"]), "pool": Pool(**c["pool"]) if c["pool"] else None})
            for c in row["convs"]
        )
        hidden = tuple((n, units) for n, units in row["hidden"])
        return cls(**{**row, "convs": convs, "hidden": hidden, "norm": Norm(**row["norm"])})

    def for_classes(self, classes: int) -> "Architecture":
        """The same network with another number of classes."""
        return self if classes == self.classes else replace(self, classes=classes, parameters=None)

    def sides(self) -> dict[str, int]:
        """Side of every map: conv1, pool1, ..."""
        sides, side = {}, self.side
        for conv in self.convs:
            side = sides[f"conv{conv.number}"] = conv.side(side)
            if conv.pool:
                side = sides[f"pool{conv.number}"] = conv.pool.side(side)
        return sides

    def features(self) -> int:
        """Length of the vector that enters the first fully connected layer."""
        return self.convs[-1].maps * list(self.sides().values())[-1] ** 2


SAME_5 = (2, 2, 2, 2)
SAME_3 = (1, 1, 1, 1)
CEIL = Pool(ceil=True)


def dense(architecture: Architecture, name: str, parameters: int | None = None) -> Architecture:
    """Every filter sees every map: the paper's replication of AlexNet on one device."""
    convs = tuple(replace(conv, groups=1) for conv in architecture.convs)
    return replace(architecture, name=name, convs=convs, parameters=parameters)
