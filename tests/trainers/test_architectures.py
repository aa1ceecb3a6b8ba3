import pytest
import torch

from trainers.architectures.ablations import NETWORKS, TABLE_2, TABLE_3
from trainers.architectures.architecture import Architecture, Pool
from trainers.architectures.modules import build, parameter_count
from trainers.architectures.tiny import FIGURE_6

PARAMETERS = {
    "alexnet": 60_965_224,
    "zfnet": 62_357_608,
    "zfnet-symmetric": 62_357_608,
    "zfnet-half-fc": 28_848_232,
    "zfnet-double-fc": 154_542_184,
    "zfnet-wide": 107_627_624,
    "zfnet-wide-double-fc": 237_560_936,
    "replication": 62_378_344,
    "replication-without-3-4": 59_870_824,
    "replication-without-7": 45_597_032,
    "replication-without-6-7": 12_964_200,
    "replication-without-3-4-6-7": 10_456_680,
    "replication-half-fc": 28_868_968,
    "replication-double-fc": 154_562_920,
}


def on_paper(name: str) -> torch.nn.Sequential:
    with torch.device("meta"):  # shapes without memory
        return build(NETWORKS[name])


def test_the_tables_have_the_papers_rows():
    assert len(TABLE_3) == 12
    assert [row.base for row in TABLE_3].count("replication") == 7
    assert len(TABLE_2) == 6
    assert {name for row in TABLE_2 for name, _ in row.members} <= set(NETWORKS)
    assert len(NETWORKS) == 2 * 14 + len(FIGURE_6)
    figure_6 = {row.name for row in FIGURE_6}
    assert {name + "-tiny" for name in PARAMETERS} | set(PARAMETERS) | figure_6 == set(NETWORKS)
    assert all(name == row.name for name, row in NETWORKS.items())


@pytest.mark.parametrize("name", PARAMETERS)
def test_networks_have_the_papers_number_of_parameters(name):
    assert parameter_count(on_paper(name)) == PARAMETERS[name]


def test_a_wrong_parameter_count_does_not_build():
    from dataclasses import replace

    with torch.device("meta"), pytest.raises(AssertionError, match="zfnet"):
        build(replace(NETWORKS["zfnet"], parameters=62_357_609))


@pytest.mark.parametrize("name", ["zfnet", "zfnet-symmetric"])
def test_both_geometries_have_the_sides_of_figure_3(name):
    assert list(NETWORKS[name].sides().values()) == [110, 55, 26, 13, 13, 13, 13, 6]


def test_alexnet_has_the_published_sides():
    assert list(NETWORKS["alexnet"].sides().values()) == [55, 27, 27, 13, 13, 13, 13, 6]


@pytest.mark.parametrize("name", NETWORKS)
def test_modules_make_the_shapes_that_rows_promise(name):
    row, net = NETWORKS[name], on_paper(name)
    x = torch.empty(2, 3, row.side, row.side, device="meta")
    sides = {}
    for module_name, module in net.named_children():
        if isinstance(module, torch.nn.Flatten):
            assert x.flatten(1).shape[1] == row.features()
        x = module(x)
        if module_name.startswith(("conv", "pool")):
            sides[module_name] = x.shape[2]
    assert sides == row.sides()
    assert x.shape == (2, 1000 if row.side == 224 else 100)


def test_layers_keep_the_papers_numbers_when_others_are_removed():
    layers = [name for name, _ in on_paper("replication-without-3-4-6-7").named_children() if name[-1].isdigit()]
    assert [name for name in layers if name.startswith(("conv", "fc"))] == ["conv1", "conv2", "conv5", "fc8"]


def test_zfnet_pools_before_it_normalises_and_alexnet_after():
    order = [
        [n for n, _ in on_paper(name).named_children() if n in ("pool1", "norm1")] for name in ("zfnet", "alexnet")
    ]
    assert order == [["pool1", "norm1"], ["norm1", "pool1"]]


def test_tiny_base_networks_meet_from_conv2_on():
    zfnet, alexnet = NETWORKS["zfnet-tiny"], NETWORKS["alexnet-tiny"]
    assert list(zfnet.sides().values())[1:] == list(alexnet.sides().values())[1:]
    assert (zfnet.convs[0].kernel, zfnet.convs[0].stride) == (7, 2)
    assert (alexnet.convs[0].kernel, alexnet.convs[0].stride) == (11, 4)


@pytest.mark.parametrize("pool", [Pool(), Pool(ceil=True), Pool(pad=1), Pool(pad=1, ceil=True), Pool(stride=1, pad=1)])
@pytest.mark.parametrize("side", range(5, 14))
def test_pool_sides_are_torchs(pool, side):
    made = torch.nn.MaxPool2d(pool.kernel, pool.stride, pool.pad, ceil_mode=pool.ceil)
    assert pool.side(side) == made(torch.zeros(1, 1, side, side)).shape[2]


@pytest.mark.parametrize("name", ["alexnet", "zfnet-wide-tiny"])
def test_rows_survive_a_checkpoint(name):
    from dataclasses import asdict

    assert Architecture.from_dict(asdict(NETWORKS[name])) == NETWORKS[name]
    assert NETWORKS[name].for_classes(7).parameters is None


def test_first_layers_of_figure_6_differ_in_filters_and_stride_and_in_nothing_above():
    """Filters of one stride are centred on the same pixels: pad before, half a filter, one stride after another."""
    centres, above = {}, set()
    for row in FIGURE_6:
        first, sides = row.convs[0], row.sides()
        middle = (first.kernel - 1) // 2 - first.pads[0]
        centres[first.kernel, first.stride] = [middle + first.stride * i for i in range(sides["conv1"])]
        above.add((sides["pool1"], row.features(), row.convs[1:], row.hidden, first.maps, first.norm, row.norm_first))
    assert centres[7, 2] == centres[11, 2] == list(range(3, 54, 2))
    assert centres[7, 4] == centres[11, 4] == list(range(3, 52, 4))
    assert len(above) == 1
    assert FIGURE_6[0].convs == NETWORKS["zfnet-tiny"].convs
