import itertools

import pytest

from inspectnet.report.names import LONGEST, file_name, file_names


@pytest.mark.parametrize(
    "layer, name",
    [
        ("conv5", "conv5"),
        ("features.0", "features.0"),
        ("/features/features.0/Conv_output_0", "_features_features.0_Conv_output_0"),
        ("conv5:pre", "conv5_pre"),
        ('a\\b c*d?e"f<g>h|i\n', "a_b_c_d_e_f_g_h_i_"),
        ("..", "__"),
        (".hidden", "_hidden"),
        ("-rf", "_rf"),
        ("conv.", "conv_"),
        ("", "_"),
        ("caf\u00e9\u4e2d\udc80", "caf___"),
        ("con", "_con"),
        ("NUL.0", "_NUL.0"),
        ("console", "console"),
    ],
)
def test_a_layer_gets_a_name_that_any_file_system_takes(layer, name):
    assert file_name(layer) == name


def test_a_name_is_never_longer_than_a_file_system_allows_and_still_tells_layers_apart():
    one, other = "block." * 100 + "conv1", "block." * 100 + "conv2"
    assert len(file_name(one)) == LONGEST and file_name(one) != file_name(other)


def test_no_two_layers_of_a_run_share_a_file():
    layers = ["a/b", "a:b", "a_b", "Conv1", "conv1", "con", "_con", "", "_", "x" * 200, "x" * 201, "fc6"]
    names = file_names([*layers, *layers])
    assert list(names) == layers
    lowered = [name.lower() for name in names.values()]
    assert len(set(lowered)) == len(layers)
    assert names["fc6"] == "fc6", "a name that nobody else wants stays plain"


def test_the_name_of_a_layer_does_not_depend_on_the_order_of_the_layers():
    layers = ["a/b", "a:b", "conv1", "Conv1"]
    assert len({tuple(sorted(file_names(order).items())) for order in itertools.permutations(layers)}) == 1
