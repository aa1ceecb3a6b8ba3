"""The chart: lines at the height of their values, in their colours; names of steps and of lines."""

import numpy as np
import pytest

from inspectnet.pictures.chart import COLOURS, NARROWEST, STEP, WIDEST, Panel, _height, draw_chart
from inspectnet.pictures.layout import MARGIN


def chart(lines, steps=None, panels=1):
    count = len(next(iter(lines.values())))
    names = steps or [f"conv{i}" for i in range(count)]
    made = [Panel("similarity", {k: np.asarray(v, float) for k, v in lines.items()}) for _ in range(panels)]
    return np.asarray(draw_chart(made, names, title="a title", footer="a footer"))


def plot_of(pixels, colour):
    """Where a colour is drawn: rows and columns of its full strength."""
    return np.nonzero((pixels == colour).all(axis=2))


@pytest.mark.parametrize("low", [0.0, -0.3])
def test_a_line_stands_at_the_height_of_its_value(low):
    """A level line, and one that sets the lower end of the scale, rounded down to a quarter."""
    pixels = chart({"level": [0.5] * 5, "lowest": [low] * 5})
    (level, _), (lowest, _) = (plot_of(pixels, COLOURS[i]) for i in (0, 1))
    end = -0.5 if low else 0.0
    apart = np.bincount(lowest).argmax() - np.bincount(level).argmax()
    assert apart == pytest.approx(_height(low, (end, 1)) - _height(0.5, (end, 1)), abs=1.5)


def test_values_rise_upwards_from_the_left_to_the_right():
    rows, columns = plot_of(chart({"rising": np.linspace(0, 1, 9)}), COLOURS[0])
    inside = columns < MARGIN + NARROWEST  # the legend stands at the right
    assert np.corrcoef(rows[inside], columns[inside])[0, 1] < -0.99


def test_many_steps_make_a_panel_wider_and_many_panels_the_page():
    few, many = chart({"a": [0] * 5}), chart({"a": [0] * 31})
    assert many.shape[1] - few.shape[1] == 30 * STEP - NARROWEST
    assert chart({"a": [0] * 301}).shape[1] - few.shape[1] == WIDEST - NARROWEST
    assert chart({"a": [0] * 5}, panels=3).shape[1] > 2.8 * NARROWEST


def test_more_lines_than_colours_are_told_apart_by_dots():
    """The eighth line has the first one's colour; at its middle step it is as thick as a dot."""
    lines = {f"line {i}": [0.1 * i] * 3 for i in range(len(COLOURS) + 1)}
    rows, columns = plot_of(chart(lines), COLOURS[0])
    middle = rows[columns == columns.min() + NARROWEST // 2]
    dot, line = middle[middle < middle.mean()], middle[middle > middle.mean()]
    assert len(dot) >= 5 and 1 <= len(line) <= 2


def test_names_of_steps_lie_flat_where_they_have_room_and_are_turned_where_not():
    """Flat ones take the height of a line, turned ones that of their length."""
    flat, turned = (len(chart({"a": [0] * 5}, steps=[name] * 5)) for name in ("64", "features.12.expand3x3"))
    assert turned - flat > 50
    assert len(chart({"a": [0] * 61}, steps=["512"] * 61)) > flat


def test_the_margins_stay_white_whatever_the_steps_are_called():
    pixels = chart({"a method with a long name": [1, 0, -0.9]}, steps=["trained", "x" * 80, "features.12.expand3x3"])
    for edge in (pixels[: MARGIN - 2], pixels[2 - MARGIN :], pixels[:, : MARGIN - 2], pixels[:, 2 - MARGIN :]):
        assert (edge == 255).all()
