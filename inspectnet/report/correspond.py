"""Correspondence shown: what was hidden, as in Fig. 8; how consistent it is, as in Table 1."""

from collections.abc import Iterator

from inspectnet.analyses.consistency import PartConsistency, Swapped
from inspectnet.analyses.correspond import Correspondence
from inspectnet.errors import counted
from inspectnet.figures.comparison import Row, draw_comparison
from inspectnet.figures.display import Display
from inspectnet.figures.dots import Group, Line, draw_dots
from inspectnet.figures.page import Figure
from inspectnet.report.lines import show
from inspectnet.report.tables import Cells, Column, print_table

RANDOMS = 2  # random places in the picture
COLUMNS = (
    "part", "sign change", "+-", "random", "+-", "p", "Holm", "of chance", "random of chance", "p of chance", "Holm",
    Column("changed %", ".2f", 100), Column("random changed %", ".2f", 100),
)  # fmt: skip
SWAPPED = (
    "part", "sign change", "+-", "swapped", "+-", "p", "Holm", "of chance", "swapped of chance", "p of chance", "Holm",
)  # fmt: skip


def figures(result: Correspondence, display: Display) -> Iterator[tuple[str, Figure]]:
    """What is hidden, and how consistent it is."""
    yield "hidden", _draw_hidden(result)
    yield "consistency", _draw_consistency(result)


def print_result(result: Correspondence) -> None:
    """Print for each layer what Table 1 tells, and how much of it chance would give."""
    places, parts, photos, _ = result.hidden.ways.shape
    count = (1 + places) * parts * photos
    of = f"{counted(parts, 'parts')} of {counted(photos, 'photos')}"
    show(f"{counted(count, 'hidden places')}: {of}, and {counted(places, 'random places')} for each")
    for number, layer in enumerate(result.layers):
        title = f"{layer.layer}: mean sign change over {counted(result.pairs, 'pairs')} of photos"
        print_table("\n" * bool(number) + title, COLUMNS, [_cells(part) for part in layer.parts])
        if swapped := [_swapped_cells(part, part.swapped) for part in layer.parts if part.swapped]:
            print_table(f"\n{layer.layer}: the same, if the parts' names are swapped in each photo", SWAPPED, swapped)
    show(f"engine: {result.computed.sentence}")


def _cells(part: PartConsistency) -> Cells:
    own, other = part.hidden, part.random
    return (part.part, own.mean, own.deviation, other.mean, other.deviation, part.p, part.p_corrected, own.of_chance,
            other.of_chance, part.p_of_chance, part.p_of_chance_corrected, own.changed, other.changed)  # fmt: skip


def _swapped_cells(part: PartConsistency, swapped: Swapped) -> Cells:
    own, other = part.hidden, swapped.change
    return (part.part, own.mean, own.deviation, other.mean, other.deviation, swapped.p, swapped.p_corrected,
            own.of_chance, other.of_chance, swapped.p_of_chance, swapped.p_of_chance_corrected)  # fmt: skip


def _draw_hidden(result: Correspondence) -> Figure:
    """Fig. 8: each photo, then with each of its parts hidden, then random places."""
    parts, shown = len(result.parts), min(RANDOMS, len(result.hidden.ways))
    places = [(part, 0) for part in range(parts)]
    places += [(r % parts, 1 + r // parts) for r in range(shown)]
    rows = [
        Row(name, [photo, *(result.picture(row, part, place) for part, place in places)])
        for row, (name, photo) in enumerate(zip(result.photos, result.shown))  # noqa: B905  (the first ones are shown)
    ]
    headings = ["photo", *result.parts, *["random"] * shown]
    title = f"what is hidden - {result.about.models[0].name}"
    footer = "the same parts of different photos, and places of equal shape that touch no part (Fig. 8 of the paper)"
    return draw_comparison(rows, headings, title=title, footer=footer)


def _draw_consistency(result: Correspondence) -> Figure:
    groups = [Group(layer.layer, [_line(part) for part in layer.parts]) for layer in result.layers]
    model = result.about.models[0].name
    title = f"{counted(len(result.photos), 'photos')}: do features change alike when the same part is hidden? - {model}"
    footer = "mean and deviation over pairs of photos; p: how likely random places are as consistent"
    series = ["part", "random places"]
    if len(result.parts) > 1:
        series.append("part and other parts")
        footer += ", and how likely parts whose names are swapped are"
    return draw_dots(groups, ("mean feature sign change", "its share of chance"), series, title=title, footer=footer)


def _line(part: PartConsistency) -> Line:
    changes, p = [part.hidden, part.random], [(part.p, part.p_of_chance)]
    if part.swapped:
        changes.append(part.swapped.change)
        p.append((part.swapped.p, part.swapped.p_of_chance))
    values = [
        [(change.mean, change.deviation) for change in changes],
        [(change.share_mean, change.share_deviation) for change in changes],
    ]
    return Line(part.part, values, ["p " + ", ".join(f"{one:.4f}" for one in both) for both in zip(*p, strict=True)])
