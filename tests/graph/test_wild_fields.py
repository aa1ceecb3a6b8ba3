"""Fields, patches and crops of generated networks, against what changes of single rows and columns reach."""

import pytest
import wild_nets


@pytest.mark.parametrize("seed", range(24))
def test_fields_patches_and_crops_of_a_generated_network_are_right(seed, tmp_path):
    assert wild_nets.check(seed, tmp_path) in ("cropped", "uncroppable", "whole")


def test_most_generated_networks_have_fields_and_crops(tmp_path):
    counts = [wild_nets.check(seed, tmp_path) for seed in range(100, 116)]
    assert counts.count("cropped") >= 6 and counts.count("whole") <= 2
