"""What many photos say together: by hand, and against plain loops over all pairs of photos."""

import numpy as np
import pytest

from inspectnet.analyses.occlusion_summary import agree, compare_with_box, correlate, summarise


def test_boxes_are_summed_up_over_photos_beside_what_the_boxes_of_the_others_give(rng):
    drops, insides = rng.normal(0.3, 1, (4, 2, 3)), rng.random((4, 2, 3)) < 0.5
    found = summarise(drops, insides)
    own = np.array([compare_with_box(d, m) for d, m in zip(drops, insides, strict=True)])
    assert (found.photos, found.larger_inside) == (4, (own[:, 0] > own[:, 1]).sum())
    assert (found.inside.value, found.outside.value) == pytest.approx(tuple(own.mean(axis=0)))
    pairs = [[compare_with_box(drops[i], insides[j]) for j in range(4) if j != i] for i in range(4)]
    assert (found.others.inside, found.others.outside) == pytest.approx(tuple(np.mean(pairs, axis=(0, 1))))
    apart, at_others = own @ [1, -1], np.mean(pairs, axis=1) @ [1, -1]
    assert found.others.beyond.value == pytest.approx((apart - at_others).mean())
    assert found.ratio == pytest.approx(found.inside.value / found.outside.value)
    assert found.others.ratio == pytest.approx(found.others.inside / found.others.outside)
    assert found.inside.low < found.inside.value < found.inside.high


def test_objects_whose_hiding_costs_are_found_and_places_that_always_cost_are_not(rng):
    """Eight objects in eight places: the drop is at the object, or at one place in all photos."""
    insides = np.eye(8, dtype=bool).reshape(8, 2, 4)
    noise = rng.normal(0, 0.1, (8, 2, 4))
    at_objects, at_one = summarise(insides + noise, insides), summarise(insides[:1] + noise, insides)
    assert at_objects.others.p == pytest.approx(1 / 10_000, abs=2e-4) and at_objects.others.beyond.low > 0.5
    assert at_one.others.p > 0.05 and at_one.others.beyond.low < 0 < at_one.others.beyond.high
    assert (at_objects.larger_inside, at_one.larger_inside < 8) == (8, True)


def test_boxes_that_leave_no_place_inside_or_outside_do_not_count():
    full, half = np.ones((1, 2), bool), np.array([[True, False]])
    found = summarise([np.array([[0.3, 0.1]]), np.ones((1, 2)), np.ones((1, 2))], [half, full, ~full])
    assert (found.photos, found.inside.value, found.outside.value, found.larger_inside) == (1, 0.3, 0.1, 1)
    assert found.others is None
    assert summarise([np.array([[0.3, -0.1]])], [half]).ratio is None
    assert summarise([np.ones((1, 2))], [full]) is None and summarise([], []) is None


def test_a_correlation_of_what_is_the_same_everywhere_is_none(rng):
    a = rng.normal(size=(3, 4))
    assert correlate(a, np.ones((3, 4))) is None
    assert correlate(a, 2 - 3 * a) == pytest.approx(-1)


def test_correlations_are_those_of_every_photo_beside_all_pairs_of_different_photos(rng):
    drops, energies = rng.normal(size=(5, 3, 4)), rng.normal(size=(5, 3, 4))
    drops[3] = 7  # the same everywhere: it does not count
    found = agree("conv1", drops, energies)
    left = [0, 1, 2, 4]
    every = {(i, j): np.corrcoef(drops[i].ravel(), energies[j].ravel())[0, 1] for i in left for j in left}
    assert (found.of, found.photos) == ("conv1", 4)
    assert found.correlation.value == pytest.approx(np.mean([every[i, i] for i in left]))
    assert found.others.correlation.value == pytest.approx(np.mean([c for (i, j), c in every.items() if i != j]))
    assert found.others.beyond.value == pytest.approx(found.correlation.value - found.others.correlation.value)
    assert agree("conv1", drops[3:4], energies[3:4]) is None
    assert agree("conv1", drops[:1], energies[:1]).others is None


def test_what_all_photos_share_is_no_agreement(rng):
    """Drops and projections in the middle of all photos correlate, with the own one no more than with another's."""
    middle = np.zeros((12, 5, 5))
    middle[:, 1:4, 1:4] = 1
    drops, energies = (middle + rng.normal(0, 0.3, middle.shape) for _ in range(2))
    shared, own = (agree("conv1", drops, projected) for projected in (energies, energies + drops))
    assert shared.correlation.low > 0.5 and shared.others.p > 0.05
    assert shared.others.beyond.low < 0 < shared.others.beyond.high
    assert own.others.p < 0.001 and own.others.beyond.low > 0
