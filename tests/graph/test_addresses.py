"""Addresses of units, one text everywhere; and lists of numbers."""

import pytest

from inspectnet.errors import LayerError, OptionError
from inspectnet.graph.addresses import Address, parse_address, parse_numbers

ADDRESSES = {
    "conv5": Address("conv5"),
    "conv5:pre": Address("conv5", pre=True),
    "conv5:212": Address("conv5", 212),
    "conv5:pre:212": Address("conv5", 212, pre=True),
    "conv5:212@6,7": Address("conv5", 212, 6, 7),
    "features.10:0@0,0": Address("features.10", 0, 0, 0),
    "layer3.0/relu_2:3": Address("layer3.0/relu_2", 3),
    "conv5:prefix": Address("conv5:prefix"),
    "a b:1": Address("a b", 1),
    "net/conv/Relu:0:3": Address("net/conv/Relu:0", 3),
    "conv5:²": Address("conv5:²"),
}


@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_means_a_unit_and_the_unit_writes_it_again(text):
    assert parse_address(text) == ADDRESSES[text]
    assert str(ADDRESSES[text]) == text


def test_blanks_around_an_address_mean_nothing():
    assert parse_address(" conv5:212 ") == Address("conv5", 212)


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_no_address_is_refused(text):
    with pytest.raises(OptionError, match=r"is not a unit\. Write a layer, layer:map or layer:map@y,x"):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0", [0]),
        ("0,3,7-9", [0, 3, 7, 8, 9]),
        ("9,1", [9, 1]),
        ("4,2-5,4", [4, 2, 3, 5]),
        (" 1 , 2 - 3 ", [1, 2, 3]),
        ("5-5", [5]),
    ],
)
def test_a_list_of_numbers_keeps_its_order_and_holds_each_once(text, numbers):
    assert parse_numbers(text, 10, "conv5") == numbers


@pytest.mark.parametrize("text", ["", "a", "1,,2", "-1", "1-", "1.5", "1;2", "1 2", "7-3", "1,7-3", "²", "٣"])
def test_what_is_no_list_of_numbers_is_refused(text):
    with pytest.raises(OptionError, match=r"Write it like 0,3,7-12\."):
        parse_numbers(text, 10, "conv5")


@pytest.mark.parametrize(("text", "wrong"), [("10", 10), ("3,8-12", 12), ("0-99999999999999", 99999999999999)])
def test_a_map_that_is_not_there_is_refused_before_a_list_of_it_is_made(text, wrong):
    with pytest.raises(LayerError, match=rf"conv5 has 10 maps, 0 to 9; there is no map {wrong}\."):
        parse_numbers(text, 10, "conv5")
