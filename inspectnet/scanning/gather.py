"""A few numbers of each row, kept in their order."""

import numpy as np

from inspectnet.images import Keys


class Gather:
    """Arrays (n, ...) one behind the other. Merging concatenates, which groups in no way."""

    def __init__(self) -> None:
        self._rows: list[np.ndarray] = []

    def update(self, keys: Keys, answer: np.ndarray) -> None:
        """Take in what a question says of some rows, or of some of them."""
        self._rows.append(answer)

    def merge(self, later: "Gather") -> None:
        """Take in what was gathered of rows that follow."""
        self._rows += later._rows

    def result(self) -> np.ndarray:
        """(N, ...); (0,) of no rows."""
        return np.concatenate(self._rows) if self._rows else np.empty(0)
