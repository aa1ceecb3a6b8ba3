"""Incremental inference: what hiding a place of an image changes in a network is computed, and no more; exactly.

    geometry (frames of values) -> cut (which in windows) -> build (graphs) -> batches (indices) -> engine (answers)

A change in a box of the image changes a box of every map, until an operator reads all places. Inside the box a map
is computed anew, from windows of the maps below it; outside it is that of the unchanged image, which is computed once.
"""

from inspectnet.incremental.cut import Cut
from inspectnet.incremental.engine import Estimate, Incremental, estimate
