"""The networks at the tiny scale: 56-pixel crops of 64-pixel pictures, 100 classes.

Half the paper's maps (two thirds in conv1); first layers keep filters and strides, 7x7/2 against 11x11/4. The paper's
16-fold reduction before conv3 would leave 3x3 maps of 56 pixels, so one halving is dropped: ZFNet's in conv2, AlexNet's
in pool1. In the paper both networks have equal sizes from conv3 on, here from conv2 on.
"""

from dataclasses import replace

from trainers.architectures.architecture import CEIL, SAME_3, SAME_5, Architecture, Conv, Norm, Pads, Pool, dense

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
