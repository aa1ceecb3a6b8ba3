"""Batches: images run in parts of the size that a graph insists on, the last part filled up."""

import numpy as np

from inspectnet.runtime.session import Session


def filled(x: np.ndarray, size: int) -> np.ndarray:
    """A batch made up to `size` rows by repeating its last one."""
    return x if len(x) == size else np.concatenate([x, np.repeat(x[-1:], size - len(x), axis=0)])


def run_in_batches(session: Session, x: np.ndarray, size: int | None) -> dict[str, np.ndarray]:
    """All outputs for images x (N, C, H, W), all at once or `size` at a time."""
    size = size or len(x)
    if len(x) == size:
        return session.run({session.inputs[0]: x})  # as they are: what holds extents has no row for each image
    runs = [session.run({session.inputs[0]: filled(x[i : i + size], size)}) for i in range(0, len(x), size)]
    return {name: np.concatenate([run[name] for run in runs])[: len(x)] for name in session.outputs}
