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
    return _cka(_centred(a), _centred(b), [slice(None)])[0]


def cka_interval(a: np.ndarray, b: np.ndarray, images: int) -> tuple[float, float] | None:
    """The 95 % interval over images, of which (n, p) and (n, q) hold n / images rows each, one image after the other.

    A jackknife: a tenth of the images is left out by turns. None of fewer than 20 images.
    """
    if images < 2 * PIECES:
        return None
    ends = np.arange(PIECES + 1) * images // PIECES * (len(a) // images)
    pieces = [slice(*ends[k : k + 2]) for k in range(PIECES)]
    value, *left = _cka(_centred(a), _centred(b), pieces)
    error = float(np.sqrt((PIECES - 1) * np.var(left)))
    return value - REACH * error, value + REACH * error


def _centred(x: np.ndarray) -> np.ndarray:
    """In float64, near 0, where its products lose nothing; which place it has does not matter to the estimate."""
    return np.asarray(x.astype(np.float64) - x.mean(axis=0, dtype=np.float64))


def _cka(x: np.ndarray, y: np.ndarray, pieces: list[slice]) -> list[float]:
    """CKA of all rows, and, if there are several `pieces` of them, without each."""
    both, first, second = (_dependences(*pair, pieces) for pair in ((x, y), (x, x), (y, y)))
    constant = float(not x.any() and not y.any())
    return [
        b / float(np.sqrt(p * q)) if p > 0 and q > 0 else constant for b, p, q in zip(both, first, second, strict=True)
    ]


def _dependences(x: np.ndarray, y: np.ndarray, pieces: list[slice]) -> list[float]:
    """How linearly dependent x (n, p) and y (n, q) are, of all rows and without each of several pieces."""
    products = [x[piece].T @ y[piece] for piece in pieces]  # which add up, so that none is made anew
    total = np.sum(products, axis=0)
    dependences = [_dependence(x, y, total)]
    for piece, product in zip(pieces, products, strict=True) if len(pieces) > 1 else ():
        rest = np.ones(len(x), bool)
        rest[piece] = False
        dependences.append(_dependence(x[rest], y[rest], total - product))
    return dependences


def _dependence(x: np.ndarray, y: np.ndarray, product: np.ndarray) -> float:
    """The unbiased estimate for x (n, p), y (n, q) and their product (p, q), times a number of n alone.

    Written with features, not with the n x n products of examples, of which it takes all but the diagonal.
    """
    n, own = len(x), (np.square(x).sum(axis=1), np.square(y).sum(axis=1))
    rows = [features @ features.sum(axis=0) - squares for features, squares in zip((x, y), own, strict=True)]
    all_pairs = float(rows[0].sum() * rows[1].sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (rows[0] @ rows[1]))
    return float(np.square(product).sum() - own[0] @ own[1]) + all_pairs
