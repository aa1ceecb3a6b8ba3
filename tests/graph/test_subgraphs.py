"""Subgraphs: a part of a network is the same file whenever it is cut out."""

import numpy as np
from small import build

from inspectnet.graph.subgraphs import cut_out


def test_the_weights_of_a_part_stand_in_the_order_of_the_whole():
    """Left to onnx-ir they stand in the order of addresses in memory."""

    def write(op, x):
        for number in range(40):
            x = op.Add(x, np.full((1, 1, 1, 1), number, np.float32))
        return x

    model = build((1, 2, 2), write)
    part = cut_out(model, list(model.graph.inputs), [list(model.graph)[29].outputs[0]])
    assert len(part.graph.initializers) == 30
    assert list(part.graph.initializers) == list(model.graph.initializers)[:30]
