import numpy as np
import pytest
from matplotlib.colors import to_hex
from pixels import boxes_of, margins_are_white, pixels_of, texts_of

from inspectnet.figures.chart import Panel, draw_chart
from inspectnet.figures.columns import Column, Picture, Sheet, Spectrum, draw_columns
from inspectnet.figures.dots import Group, Line, draw_dots
from inspectnet.figures.style import COLOURS
from inspectnet.figures.sweeps import Curves, Row, draw_sweeps, nice_top

TILE = np.full((30, 30, 3), 7, np.uint8)


def chart(lines, steps=None, panels=1):
    count = len(next(iter(lines.values())))
    names = steps or [f"conv{i}" for i in range(count)]
    made = [Panel("similarity", {k: np.asarray(v, float) for k, v in lines.items()}) for _ in range(panels)]
    return draw_chart(made, names, title="a title", footer="a footer")


def test_lines_of_a_chart_hold_the_values_in_the_colours_of_the_legend():
    lines = {"deconvnet": [1, 0.5, 0.25], "gradient": [1, 0.9, -0.3]}
    figure = chart(lines)
    paper, panel = figure.axes
    drawn = {to_hex(line.get_color()): line for line in panel.lines}
    for number, values in enumerate(lines.values()):
        assert np.array_equal(drawn[COLOURS[number]].get_ydata(), values)
    assert [to_hex(line.get_color()) for line in paper.lines] == list(COLOURS[:2])
    assert {"deconvnet", "gradient", "similarity", "a title", "a footer"} <= set(texts_of(figure))
    assert panel.get_ylim() == pytest.approx((-0.52, 1.02)), "the lowest value, rounded down to a quarter"


def test_more_lines_than_colours_are_told_apart_by_dots():
    panel = chart({f"line {i}": [0.1 * i] * 3 for i in range(len(COLOURS) + 1)}).axes[1]
    markers = [line.get_marker() for line in panel.lines[1:]]  # the first one is the line at 0
    assert markers == [""] * len(COLOURS) + ["o"]


def test_names_of_steps_lie_flat_where_they_have_room_and_are_turned_where_not():
    flat, turned = (chart({"a": [0] * 5}, steps=[name] * 5) for name in ("64", "features.12.expand3x3"))
    assert turned.get_size_inches()[1] > flat.get_size_inches()[1] + 0.5
    assert turned.axes[1].get_xticklabels()[0].get_rotation() == 90


def test_long_names_of_steps_and_many_of_them_stay_on_the_page():
    steps = ["trained", "x" * 80, *[f"features.{i}.expand3x3" for i in range(200)]]
    assert margins_are_white(pixels_of(chart({"a method with a long name": np.linspace(1, -0.9, 202)}, steps)))


def test_a_sweep_draws_each_curve_their_mean_and_one_deviation():
    x, lines = np.array([-2.0, 0.0, 2.0]), np.array([[1.0, 0.0, 2.0], [3.0, 0.0, 4.0]])
    row = Row([[TILE]], ["0"], [Curves("translation (pixels)", x, lines, 4.0)])
    figure = draw_sweeps([row], ["samples", "conv1"], ["cat", "dog"], title="t", footer="f")
    axes = figure.axes[1]
    assert [line.get_ydata().tolist() for line in axes.lines] == [[1, 0, 2], [3, 0, 4], [2, 0, 3]]
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == 4.0 and band[:, 1].min() == 0.0 and axes.get_ylim() == (0, 4)
    assert axes.get_xlabel() == "translation (pixels)"
    assert {"cat", "dog", "mean, and one standard deviation"} <= set(texts_of(figure))


def test_one_photo_has_no_band_and_more_than_six_share_a_colour():
    def figure(count):
        curves = Curves("x", np.arange(3.0), np.ones((count, 3)), 2.0)
        names = [f"photo {i}" for i in range(count)]
        return draw_sweeps([Row([[TILE]] * 5, ["0"], [curves])], ["samples", "a"], names, title="t", footer="f")

    assert not figure(1).axes[1].collections and len(figure(1).axes[1].lines) == 1
    assert len({line.get_color() for line in figure(9).axes[1].lines[:-1]}) == 1
    assert "each of 9 photos" in texts_of(figure(9))


@pytest.mark.parametrize("most, top", [(0.0, 1.0), (0.93, 1.0), (1.2, 1.25), (37.0, 40.0), (1.0, 1.0), (1e-5, 1e-5)])
def test_the_scale_ends_at_the_next_round_number(most, top):
    assert nice_top([np.array([0.0, most]), np.array([0.0])]) == pytest.approx(top)


def test_dots_stand_at_their_means_with_bars_of_one_deviation_and_a_round_scale():
    line = Line("left eye", [[(0.03, 0.01), (0.05, 0.005)]], ["p = 0.01"])
    figure = draw_dots([Group("conv5", [line])], ["sign change"], ["part", "random"], title="t", footer="f")
    axes = figure.axes[1]
    bars, dots = axes.lines[::2], axes.lines[1::2]
    assert [bar.get_xdata() == pytest.approx(x) for bar, x in zip(bars, ([0.02, 0.04], [0.045, 0.055]), strict=True)]
    assert [dot.get_xdata()[0] for dot in dots] == [0.03, 0.05] and axes.get_xlim() == (0, 0.06)
    assert {"left eye", "p = 0.01", "conv5", "part", "random"} <= set(texts_of(figure))


def test_a_spectrum_has_zero_in_its_middle_and_its_limits_drawn_in():
    energy = np.zeros((8, 8))
    energy[0, 0], energy[2, 0] = 4.0, 1.0  # the mean, and a quarter of a cycle per pixel downwards
    picture = Picture(("their energy",), Spectrum(energy, (0.15, 0.35), (0.25, 0.125)))
    figure = draw_columns([Column("net", [picture])], 460, title="t", footer=("f",))
    axes = figure.axes[1]
    shown, extent = axes.images[0].get_array(), axes.images[0].get_extent()
    assert shown.shape == (9, 9) and shown[4, 4] == 2 and shown[6, 4] == 1, "roots, centred"
    pixel = (extent[1] - extent[0]) / 9
    assert extent[0] + 4.5 * pixel == pytest.approx(0) and extent[0] + 0.5 * pixel == pytest.approx(-0.5)
    circles, limit = axes.patches[:2], axes.patches[2]
    assert [circle.radius for circle in circles] == [0.15, 0.35]
    assert (limit.get_width(), limit.get_height()) == (0.25, 0.5)


def test_a_sheet_frames_what_stands_out_and_enlarges_by_whole_factors():
    tiles = [np.full((7, 7, 3), 10 * i, np.uint8) for i in range(9)]
    pixels = pixels_of(draw_columns([Column("net", [Picture(("a",), Sheet(tiles, {4}))])], 300, title="t", footer=()))
    left, top, right, bottom = boxes_of(pixels, (40, 40, 40))
    assert (right - left) % 7 == 0 and right - left == bottom - top
    frame = boxes_of(pixels, COLOURS[1])
    assert frame == (left - 2, top - 2, right + 2, bottom + 2)
