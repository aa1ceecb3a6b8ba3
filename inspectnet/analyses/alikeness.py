"""How alike two representations of the same examples are, whatever their rotation and scale: linear CKA, debiased.

Kornblith et al. 2019, eq. 3 and 4, with the unbiased estimate of its terms (Song et al. 2012, eq. 5): without, few
examples of many maps look alike by themselves.
"""

import numpy as np

FEWEST = 4  # examples, of which the estimate is made
PIECES, REACH = 10, 2.262  # that are left out by turns; Student's t of 95 % for one less


def linear_cka(a: np.ndarray, b: np.ndarray) -> float:
    """How alike (n, p) and (n, q) of n examples are: 1 the same, 0 nothing in common, or less by chance.

    0 if one is constant, 1 if both are.
    """
    one, two = (x.astype(np.float64) - x.mean(axis=0, dtype=np.float64) for x in (a, b))
    both, first, second = _dependence(one, two), _dependence(one, one), _dependence(two, two)
    if first <= 0 or second <= 0:
        return float(not one.any() and not two.any())
    return both / float(np.sqrt(first * second))


def cka_interval(a: np.ndarray, b: np.ndarray, images: int) -> tuple[float, float] | None:
    """The 95 % interval over images, of which (n, p) and (n, q) hold n / images rows each, one image after the other.

    A jackknife: a tenth of the images is left out by turns. None of fewer than 20 images, or if nothing varies.
    """
    if images < 2 * PIECES:
        return None
    piece = np.repeat(np.arange(images) * PIECES // images, len(a) // images)
    left = np.array([linear_cka(a[piece != k], b[piece != k]) for k in range(PIECES)])
    error = float(np.sqrt((PIECES - 1) * left.var()))
    value = linear_cka(a, b)
    return value - REACH * error, value + REACH * error


def _dependence(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimate of how linearly dependent centred x (n, p) and y (n, q) are, times a number of n alone.

    Written with features, not with the n x n products of examples, of which it takes all but the diagonal.
    """
    n, own = len(x), (np.square(x).sum(axis=1), np.square(y).sum(axis=1))
    rows = [each @ each.sum(axis=0) - squares for each, squares in zip((x, y), own, strict=True)]
    products = float(np.square(x.T @ y).sum() - own[0] @ own[1])
    return products + float(rows[0].sum() * rows[1].sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (rows[0] @ rows[1]))
