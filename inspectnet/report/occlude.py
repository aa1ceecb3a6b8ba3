"""Occlusion shown: the page in the manner of Fig. 7, and in a line for each photo what hiding costs."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from inspectnet.analyses.occlude import Occlusion
from inspectnet.analyses.occluded_photo import OccludedPhoto, WatchedMap
from inspectnet.analyses.occlusion_summary import Agreement, BoxDrops
from inspectnet.analyses.statistics import Interval
from inspectnet.errors import counted
from inspectnet.figures.display import Display
from inspectnet.figures.occlude import MapRow, Measure, Places, Strip, draw_occlusion
from inspectnet.figures.page import Figure
from inspectnet.report.lines import class_words, percent, show
from inspectnet.report.signals import Shown, drawn_words, policy_words, show_signals
from inspectnet.report.tables import ends
from inspectnet.results import Model

PERCENT = 100


def figures(result: Occlusion, display: Display) -> Iterator[tuple[str, Figure]]:
    """The page, rows for each photo of which pictures are kept."""
    options, grid = result.about.options, result.grid
    layers = ", ".join(dict.fromkeys(watched.layer for watched in result.photos[0].maps))
    hidden = "superpixels" if options["shape"] == "slic" else "a square"
    title = f"what hiding {hidden} costs: {layers} and the classes - {result.about.models[0].name}"
    square = f"{options['fill']} square of {grid.patch} px, every {grid.stride} px"
    if options["shape"] == "slic":
        square = f"{options['fill']} superpixels of about {options['patch']} x {options['patch']} px"
    how = policy_words(options["policy"], result.operators)
    photos, model = [photo for photo in result.photos if photo.photo is not None], result.about.models[0]
    elsewhere = [[_show_elsewhere(watched, model, display) for watched in photo.maps] for photo in photos]
    drawn = drawn_words(display, [shown for row in elsewhere for shown in row if shown])
    keys = f"tick: nothing hidden; outlined: where the class loses most; projections: {drawn}"
    strips = [_strip(photo, row, result, display) for photo, row in zip(photos, elsewhere, strict=True)]
    first = f"the first {len(strips)} of {len(result.photos)} photos; " if len(strips) < len(result.photos) else ""
    yield "occlude", draw_occlusion(strips, title=title, footer=f"{first}{square}; {how}; {keys}")


def print_result(result: Occlusion) -> None:
    """Print a line for each photo, and what the boxes and the projections say of all together."""
    positions = len(result.grid.corners)
    photos = counted(len(result.photos), "photos")
    hidden = "superpixel" if result.about.options["shape"] == "slic" else "square"
    of = "positions of the square" if hidden == "square" else "pixels in superpixels"
    show(f"{positions * len(result.photos)} {of}: {positions} in each of {photos}")
    show(f"engine: {result.computed.sentence}")
    for photo in result.photos:
        least, (y, x) = percent(photo.least_probability), photo.least_at
        what = f"{photo.image}: {class_words(photo.target_name, photo.target)} {percent(photo.target_probability)}"
        maps = ", ".join(f"{watched.layer}:{watched.map}" for watched in photo.maps)
        show(f"{what}, with the {hidden} at {y},{x} {least}; map {maps}")
    if result.boxes:
        _print_boxes(result.boxes)
    for agreement in result.agreement:
        _print_agreement(agreement)


def _print_boxes(boxes: BoxDrops) -> None:
    drops = f"{percent(boxes.inside.value)} inside, {percent(boxes.outside.value)} outside"
    ratio = f"{_ratio(boxes.ratio)}{_brackets(ends(boxes.ratio_interval))}"
    more = f"more inside in {boxes.larger_inside}"
    show(f"boxes of {counted(boxes.photos, 'photos')}: the class loses {drops}, {ratio}; {more}")
    if others := boxes.others:
        points = f"{PERCENT * others.beyond.value:.2f} points{_brackets(ends(others.beyond, PERCENT))}"
        show(f"with the boxes of the other photos: {_ratio(others.ratio)}")
        show(f"inside less outside, beyond what others' boxes give: {points}, p {others.p:.2g}")


def _print_agreement(agreement: Agreement) -> None:
    if others := agreement.others:
        own = _within(agreement.correlation)
        show(f"{agreement.of}: drop and projection of {counted(agreement.photos, 'photos')} correlate by {own};")
        show(f"  with the projections of the other photos by {_within(others.correlation)}, p {others.p:.2g}")


def _within(interval: Interval) -> str:
    return f"{interval.value:.3f}{_brackets(ends(interval))}"


def _brackets(text: str) -> str:
    """A 95 % interval in brackets, if there is one."""
    return f" ({text})" if text else ""


def _ratio(ratio: float | None) -> str:
    return "no ratio" if ratio is None else f"ratio {ratio:.3g}"


def _strip(photo: OccludedPhoto, elsewhere: Sequence[Shown | None], result: Occlusion, display: Display) -> Strip:
    assert photo.photo is not None
    grid, whole = result.grid, photo.target_probability
    caption = f"{photo.image}: {class_words(photo.target_name, photo.target)} {percent(whole)}"
    if photo.top1 != photo.target:
        caption += f", taken for {class_words(photo.top1_name, photo.top1)} {percent(photo.top1_probability)}"
    numbers = {winner.label: number for number, winner in enumerate(photo.winners)}
    return Strip(
        caption=caption,
        photo=photo.photo,
        places=Places(grid.patch, grid.stride, grid.tops, grid.lefts),
        marked=photo.least_at,
        maps=[
            _row(watched, others, result.about.models[0], display)
            for watched, others in zip(photo.maps, elsewhere, strict=True)
        ],
        probability=Measure(PERCENT * photo.probability, PERCENT * whole, " %"),
        labels=np.vectorize(numbers.__getitem__)(photo.label),
        names=[winner.name for winner in photo.winners],
    )


def _show_elsewhere(watched: WatchedMap, model: Model, display: Display) -> Shown | None:
    """What a map sees in other images, if they were asked for."""
    tops = watched.elsewhere
    return show_signals(
        model, display, [np.stack([top.projection for top in tops])], boxes=[[top.activation.box for top in tops]],
        patches=[np.stack([top.patch for top in tops])],
    ) if tops else None  # fmt: skip


def _row(watched: WatchedMap, others: Shown | None, model: Model, display: Display) -> MapRow:
    """The panels of a map; its projection lies as the other panels of the photo do, so it is not zoomed."""
    assert watched.projection is not None
    own = show_signals(model, replace(display, zoom=False), [watched.projection[None]])
    return MapRow(
        caption=f"{watched.layer}:{watched.map}",
        activity=Measure(watched.activity, watched.whole_activity),
        projection=own.signals[0][0],
        elsewhere=list(zip(others.signals[0], others.patches[0], strict=True)) if others else [],
    )
