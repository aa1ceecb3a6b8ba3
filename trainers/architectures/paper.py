"""The networks of the paper at its own scale: 224 pixels, 1000 classes."""

from dataclasses import replace

from trainers.architectures.architecture import CEIL, SAME_3, SAME_5, Architecture, Conv, Pool, dense

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

REPLICATION = dense(ALEXNET, "replication", parameters=62_378_344)
