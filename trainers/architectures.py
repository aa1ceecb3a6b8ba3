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

# ---- the paper's scale: 224 pixels, 1000 classes ----

PAPER_FC = ((6, 4096), (7, 4096))

# cuda-convnet's geometry: no padding, sizes rounded up. Other convolutions round down, so conv1 pads
# what it lacks.
ZFNET = Architecture(
    "zfnet",
    224,
    (
        Conv(1, 96, 7, stride=2, pads=(0, 0, 1, 1), pool=CEIL, norm=True),
        Conv(2, 256, 5, stride=2, pool=CEIL, norm=True),
        Conv(3, 384, 3, pads=SAME_3),
        Conv(4, 384, 3, pads=SAME_3),
        Conv(5, 256, 3, pads=SAME_3, pool=Pool()),
    ),
    PAPER_FC,
    1000,
    parameters=62_357_608,
)

# The same sizes with symmetric padding, as in most re-implementations: receptive fields lie elsewhere.
ZFNET_SYMMETRIC = replace(
    ZFNET,
    name="zfnet-symmetric",
    convs=(
        Conv(1, 96, 7, stride=2, pads=SAME_3, pool=Pool(pad=1), norm=True),
        Conv(2, 256, 5, stride=2, pool=Pool(pad=1), norm=True),
        *ZFNET.convs[2:],
    ),
)

ALEXNET = Architecture(
    "alexnet",
    224,
    (
        Conv(1, 96, 11, stride=4, pads=(0, 0, 3, 3), pool=Pool(), norm=True),
        Conv(2, 256, 5, pads=SAME_5, groups=2, pool=Pool(), norm=True),
        Conv(3, 384, 3, pads=SAME_3),
        Conv(4, 384, 3, pads=SAME_3, groups=2),
        Conv(5, 256, 3, pads=SAME_3, groups=2, pool=Pool()),
    ),
    PAPER_FC,
    1000,
    norm_first=True,
    parameters=60_965_224,
)


def dense(architecture: Architecture, name: str, parameters: int | None = None) -> Architecture:
    """Every filter sees every map: the paper's replication of AlexNet on one device."""
    convs = tuple(replace(conv, groups=1) for conv in architecture.convs)
    return replace(architecture, name=name, convs=convs, parameters=parameters)


REPLICATION = dense(ALEXNET, "replication", parameters=62_378_344)

# ---- the tiny scale: 56-pixel crops of 64-pixel pictures, 100 classes ----
# Half the paper's maps (two thirds in conv1). First layers keep filters and strides, 7x7/2 against 11x11/4.
# The paper's 16-fold reduction before conv3 would leave 3x3 maps of 56 pixels, so one halving goes: ZFNet's
# in conv2, AlexNet's in pool1. In the paper both networks have equal sizes from conv3 on, here from conv2 on.

TINY_FC = ((6, 512), (7, 512))

# The paper's conv1 begins with sums of about 8 (filters of 0.01 on pixels of 70), ours with 0.3, and alpha weighs
# squares: 5e-4 * (8 / 0.3)^2 is about 0.3. Inputs are standardised, so d starts at 1, not at 2.
TINY_NORM = Norm(alpha=0.3, bias=1.0)

ZFNET_TINY = Architecture(
    "zfnet-tiny",
    56,
    (
        Conv(1, 64, 7, stride=2, pads=(0, 0, 1, 1), pool=CEIL, norm=True),
        Conv(2, 128, 5, pads=SAME_5, pool=Pool(), norm=True),
        Conv(3, 192, 3, pads=SAME_3),
        Conv(4, 192, 3, pads=SAME_3),
        Conv(5, 128, 3, pads=SAME_3, pool=CEIL),
    ),
    TINY_FC,
    100,
    norm=TINY_NORM,
)

ZFNET_TINY_SYMMETRIC = replace(
    ZFNET_TINY,
    name="zfnet-symmetric-tiny",
    convs=(
        Conv(1, 64, 7, stride=2, pads=SAME_3, pool=Pool(pad=1), norm=True),
        *ZFNET_TINY.convs[1:4],
        Conv(5, 128, 3, pads=SAME_3, pool=Pool(pad=1)),
    ),
)

ALEXNET_TINY = Architecture(
    "alexnet-tiny",
    56,
    (
        Conv(1, 64, 11, stride=4, pads=(0, 0, 3, 3), pool=Pool(stride=1, pad=1), norm=True),
        Conv(2, 128, 5, pads=SAME_5, groups=2, pool=Pool(), norm=True),
        Conv(3, 192, 3, pads=SAME_3),
        Conv(4, 192, 3, pads=SAME_3, groups=2),
        Conv(5, 128, 3, pads=SAME_3, groups=2, pool=CEIL),
    ),
    TINY_FC,
    100,
    norm=TINY_NORM,
    norm_first=True,
)

REPLICATION_TINY = dense(ALEXNET_TINY, "replication-tiny")

# ---- Fig. 6, one difference at a time: zfnet-tiny with filters of 7 or 11 pixels that step by 2 or 4 ----
# Pads put the centres of filters of one stride on the same pixels, the first on pixel 3. pool1 steps by 1 behind a
# stride of 4, so that everything from conv2 on sees 13 x 13 places in all four.

FIRST_PADS: dict[tuple[int, int], Pads] = {
    (7, 2): (0, 0, 1, 1),
    (11, 2): (2, 2, 3, 3),
    (7, 4): (0, 0, 0, 0),
    (11, 4): (2, 2, 1, 1),
}


def with_first_filters(kernel: int, stride: int) -> Architecture:
    """zfnet-tiny above filters of `kernel` pixels that step by `stride`."""
    pool = CEIL if stride == 2 else Pool(stride=1, pad=1)
    first = replace(ZFNET_TINY.convs[0], kernel=kernel, stride=stride, pads=FIRST_PADS[kernel, stride], pool=pool)
    return replace(
        ZFNET_TINY, name=f"zfnet-{kernel}x{kernel}-stride-{stride}-tiny", convs=(first, *ZFNET_TINY.convs[1:])
    )


FIGURE_6 = tuple(with_first_filters(kernel, stride) for kernel, stride in FIRST_PADS)
