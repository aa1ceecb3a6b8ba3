"""Explanations: which pixels, or which places of a layer, speak for a class."""

import numpy as np

from inspectnet.network import Network


def probabilities(network: Network, x: np.ndarray) -> np.ndarray:
    """(N, K) float64: the softmax of the class scores for prepared images x (N, C, H, W). Raises ModelError."""
    logits = network.class_scores().logits
    return network.probabilities(network.values(x, [logits])[logits])
