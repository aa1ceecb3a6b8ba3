"""Alikeness: the debiased linear CKA by its definition, and what it is there for."""

import numpy as np
import pytest

from inspectnet.analyses.cka import cka_interval, linear_cka


def by_definition(a, b):
    """Song et al. 2012, eq. 5, with the n x n kernels themselves, their diagonals set to 0."""
    n, one = len(a), np.ones(len(a))

    def hsic(x, y):
        k, m = (z @ z.T * (1 - np.eye(n)) for z in (x, y))
        whole = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
        return (np.trace(k @ m) + whole - 2 / (n - 2) * (one @ k @ m @ one)) / (n * (n - 3))

    return hsic(a, b) / np.sqrt(hsic(a, a) * hsic(b, b))


def test_it_is_that_of_its_definition_whatever_the_rotation_scale_and_place(rng):
    a, b = rng.normal(2, 1, size=(40, 6)), rng.normal(size=(40, 9))
    b[:, :3] += a[:, :3]
    assert linear_cka(a, b) == pytest.approx(by_definition(a, b), rel=1e-9)
    turned = a @ np.linalg.qr(rng.normal(size=(6, 6)))[0] * 7 + 3
    assert linear_cka(a, turned) == pytest.approx(1)
    assert linear_cka(a, np.ones((40, 2))) == 0 and linear_cka(np.ones((40, 2)), np.zeros((40, 1))) == 1


def test_few_examples_of_many_maps_are_not_alike_by_themselves(rng):
    """Independent noise, 30 examples of 200 maps: the biased estimate of Kornblith et al. would say 0.87."""
    found = [linear_cka(rng.normal(size=(30, 200)), rng.normal(size=(30, 200))) for _ in range(40)]
    assert abs(np.mean(found)) < 0.02


def test_the_interval_covers_the_truth_as_often_as_it_says(rng):
    """Two maps each, the first shared: covariances I and I, of cross-covariance diag(1, 0), so CKA is 1/2."""
    hits = 0
    for _ in range(200):
        shared, apart = rng.normal(size=(100, 1)), rng.normal(size=(2, 100, 1))
        low, high = cka_interval(*(np.hstack([shared, each]) for each in apart), 100)
        hits += low <= 0.5 <= high
    assert 0.88 < hits / 200 < 0.995


def test_all_rows_of_an_image_are_left_out_together(rng):
    """Eight copies of each image know no more than one."""
    a, b = rng.normal(size=(2, 40, 3))
    b += a
    once = np.diff(cka_interval(a, b, 40))
    copied = np.diff(cka_interval(np.repeat(a, 8, axis=0), np.repeat(b, 8, axis=0), 40))
    assert copied == pytest.approx(once, rel=0.25)
    assert cka_interval(a[:19], b[:19], 19) is None
