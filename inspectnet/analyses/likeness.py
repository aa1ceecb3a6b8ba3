"""How alike two explanations are, by the measures of Adebayo et al. 2018, and how alike one is to edges."""

import numpy as np

MEASURES = ("rank", "rank_abs", "ssim")
WINDOW, DEVIATION = 11, 1.5  # of SSIM, in pixels: Wang et al. 2004, sec. III-C
STABLE = (0.01**2, 0.03**2)  # its constants for values in 0..1


def class_distance(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(N,): how far the explanations (N, ...) of the images' classes are from those of others.

    Half the squared distance of the two, each of length 1: 0 if they are the same, 1 if they have nothing in common,
    2 if they are opposites (Nie et al. 2018 compare classes by the distance). NaN if one of them is blank.
    """
    pairs = zip(own, other, strict=True)
    return np.array([1 - _cosine(a, b) if a.any() and b.any() else np.nan for a, b in pairs])


def edge_likeness(x: np.ndarray, explanation: np.ndarray) -> np.ndarray:
    """(N,): the rank correlation of an explanation's size (N, C, H, W) with the edges of the images x (N, C, H, W).

    An edge detector looks much like some methods, and knows no network (Adebayo et al. 2018, sec. 5.1). NaN for a
    blank explanation.
    """
    grey = x.mean(axis=1)
    down, right = (np.gradient(grey, axis=a) if grey.shape[a] > 1 else np.zeros_like(grey) for a in (1, 2))
    edges, sizes = np.hypot(down, right), np.abs(explanation).sum(axis=1)
    return np.array([spearman(a, b) if b.any() else np.nan for a, b in zip(edges, sizes, strict=True)])


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """The rank correlation of two arrays of one shape, -1..1, equal values sharing a rank; 0 where one is constant."""
    return _cosine(_ranks(a), _ranks(b))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """The structural similarity of two pictures (h, w) of values in 0..1: mean over all places of a Gaussian window.

    The window of 11 x 11 shrinks to what fits (Wang et al. 2004, eq. 13).
    """
    mean_a, mean_b = _blur(a), _blur(b)
    variance = _blur(a * a) - mean_a**2 + _blur(b * b) - mean_b**2
    covariance = _blur(a * b) - mean_a * mean_b
    c1, c2 = STABLE
    alike = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return float((alike / ((mean_a**2 + mean_b**2 + c1) * (variance + c2))).mean())


def compare(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(measures, N): how alike explanations (N, ...) of each image are; NaN if blank `before`, 0 if blank `after`."""
    pairs = zip(before.astype(np.float64), after.astype(np.float64), strict=True)
    none = (np.nan,) * len(MEASURES)
    return np.array([_alike(a, b) if a.any() else none for a, b in pairs]).T


def _alike(a: np.ndarray, b: np.ndarray) -> tuple[float, ...]:
    if not b.any():
        return (0.0,) * len(MEASURES)
    return spearman(a, b), spearman(np.abs(a), np.abs(b)), ssim(_size(a), _size(b))


def _size(explanation: np.ndarray) -> np.ndarray:
    """The strength of an explanation at each place, (h, w), its largest 1."""
    strength = np.abs(explanation).sum(axis=0) if explanation.ndim == 3 else np.abs(explanation)
    return np.asarray(strength / (strength.max() or 1))


def _ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each value, the mean one of equals, less the mean of all."""
    _, inverse, counts = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts + 1) / 2
    return np.asarray(middle[inverse] - (values.size - 1) / 2)


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    """The cosine of the angle between two arrays; 0 if one is zero."""
    lengths = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    return float(np.vdot(a, b)) / lengths if lengths else 0.0


def _blur(picture: np.ndarray) -> np.ndarray:
    """The Gaussian mean around each place where the window fits."""
    for axis in (0, 1):
        side = min(WINDOW, picture.shape[axis] - 1 + picture.shape[axis] % 2)
        places = np.arange(side) - side // 2
        window = np.exp(-(places**2) / (2 * DEVIATION**2))
        views = np.lib.stride_tricks.sliding_window_view(picture, side, axis=axis)
        picture = views @ (window / window.sum())
    return picture
