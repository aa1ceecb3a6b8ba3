"""The rows of the paper's Tables 2 and 3, as changes to two base networks, at both scales.

NETWORKS holds every network by name; the tiny one of `zfnet` is `zfnet-tiny`.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from trainers.architectures.architecture import Architecture
from trainers.architectures.paper import ALEXNET, REPLICATION, ZFNET, ZFNET_SYMMETRIC
from trainers.architectures.tiny import ALEXNET_TINY, FIGURE_6, REPLICATION_TINY, ZFNET_TINY, ZFNET_TINY_SYMMETRIC

HALF, DOUBLE = Fraction(1, 2), Fraction(2)  # 2048 and 8192 units where the base has 4096
WIDE = {
    3: Fraction(4, 3),
    4: Fraction(8, 3),
    5: Fraction(2),
}  # 512, 1024, 512 maps where the base has 384, 384, 256


@dataclass(frozen=True)
class Ablation:
    """One row of Table 3: what is removed or resized, and the paper's errors in percent."""

    base: str
    suffix: str
    label: str
    paper: tuple[float, float, float]  # train top-1, val top-1, val top-5
    removed: tuple[int, ...] = ()
    units: Fraction = Fraction(1)
    wide: bool = False

    def name(self, scale: str) -> str:
        """Name of the network: `replication-without-3-4`, with `-tiny` at that scale."""
        return self.base + self.suffix + ("-tiny" if scale == "tiny" else "")

    def apply(self, base: Architecture, name: str) -> Architecture:
        """The base network, changed."""
        factors = WIDE if self.wide else {}
        convs = tuple(
            replace(conv, maps=int(conv.maps * factors.get(conv.number, 1)))
            for conv in base.convs
            if conv.number not in self.removed
        )
        if 5 in self.removed:
            raise ValueError("no row of the paper removes layer 5, whose pooling ends the convolutions")
        hidden = tuple((n, int(units * self.units)) for n, units in base.hidden if n not in self.removed)
        known = base.parameters if (convs, hidden) == (base.convs, base.hidden) else None
        return replace(base, name=name, convs=convs, hidden=hidden, parameters=known)


# Errors in percent, in the paper's order (Table 3).
TABLE_3 = (
    Ablation("replication", "", "replication of AlexNet", (35.1, 40.5, 18.1)),
    Ablation("replication", "-without-3-4", "layers 3,4 removed", (41.8, 45.4, 22.1), removed=(3, 4)),
    Ablation("replication", "-without-7", "layer 7 removed", (27.4, 40.0, 18.4), removed=(7,)),
    Ablation("replication", "-without-6-7", "layers 6,7 removed", (27.4, 44.8, 22.4), removed=(6, 7)),
    Ablation("replication", "-without-3-4-6-7", "layers 3,4,6,7 removed", (71.1, 71.3, 50.1), removed=(3, 4, 6, 7)),
    Ablation("replication", "-half-fc", "layers 6,7: 2048 units", (40.3, 41.7, 18.8), units=HALF),
    Ablation("replication", "-double-fc", "layers 6,7: 8192 units", (26.8, 40.0, 18.1), units=DOUBLE),
    Ablation("zfnet", "", "ZFNet (Fig. 3)", (33.1, 38.4, 16.5)),
    Ablation("zfnet", "-half-fc", "layers 6,7: 2048 units", (38.2, 40.2, 17.6), units=HALF),
    Ablation("zfnet", "-double-fc", "layers 6,7: 8192 units", (22.0, 38.8, 17.0), units=DOUBLE),
    Ablation("zfnet", "-wide", "layers 3,4,5: 512,1024,512 maps", (18.8, 37.5, 16.0), wide=True),
    Ablation("zfnet", "-wide-double-fc", "both of these", (10.0, 38.3, 16.9), units=DOUBLE, wide=True),
)


@dataclass(frozen=True)
class Ensemble:
    """A row of Table 2 that these networks can make: how many of which, and the paper's errors in percent."""

    label: str
    members: tuple[tuple[str, int], ...]
    paper: tuple[float, float]  # val top-1, val top-5


TABLE_2 = (
    Ensemble("AlexNet as published, 1 net", (("alexnet", 1),), (40.7, 18.2)),
    Ensemble("replication, 1 net", (("replication", 1),), (40.5, 18.1)),
    Ensemble("ZFNet, 1 net", (("zfnet", 1),), (38.4, 16.5)),
    Ensemble("ZFNet, 5 nets (a)", (("zfnet", 5),), (36.7, 15.3)),
    Ensemble("512-1024-512 maps, 1 net (b)", (("zfnet-wide", 1),), (37.5, 16.0)),
    Ensemble("(a) and (b), 6 nets", (("zfnet", 5), ("zfnet-wide", 1)), (36.0, 14.7)),
)

BASES = {
    "paper": {"replication": REPLICATION, "zfnet": ZFNET},
    "tiny": {"replication": REPLICATION_TINY, "zfnet": ZFNET_TINY},
}


def every_network() -> dict[str, Architecture]:
    """All networks by name: AlexNet, both geometries of ZFNet, and the rows of Table 3, at both scales; Fig. 6's."""
    networks = {net.name: net for net in (ALEXNET, ZFNET_SYMMETRIC, ALEXNET_TINY, ZFNET_TINY_SYMMETRIC, *FIGURE_6)}
    for scale, bases in BASES.items():
        for row in TABLE_3:
            name = row.name(scale)
            networks[name] = row.apply(bases[row.base], name)
    return networks


NETWORKS = every_network()
