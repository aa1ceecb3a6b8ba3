"""Explanations shown: a page to compare methods on, and a picture of each."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

import numpy as np

from inspectnet.analyses.explain import ExplainedImage, Explanation, LikelyClass
from inspectnet.errors import counted
from inspectnet.figures.comparison import Row, draw_comparison
from inspectnet.figures.display import Display
from inspectnet.figures.page import Figure, Page, Pixels, Worded
from inspectnet.geometry import Box
from inspectnet.report.lines import class_words, percent, show, show_left_out
from inspectnet.report.names import file_names
from inspectnet.report.signals import heat_pictures, joint, show_signals
from inspectnet.report.tables import Cell, print_table

COLUMNS = ("image", "class", "probability", "most likely", "its probability", "what is missing")
NOTHING = "nothing came down: no part of the signal was left by the way"
HEAT = "heat over the photo in grey: from 0 to the largest value of each map"


def figures(result: Explanation, display: Display) -> Iterator[tuple[str, Figure]]:
    """The page, with a row for each image; and each of its pictures alone, in the network's resolution."""
    signals = _signals(result)
    windows = display.windows(joint(list(signals.values()))) if signals else None
    pictures, zoom = _pictures(result, display, windows)
    rows = [
        Row(
            _caption(image),
            [photo, *(drawn[i] for drawn in pictures.values())],
            windows[i] if windows and zoom else None,
        )
        for i, (image, photo) in enumerate(zip(result.images, result.photos, strict=True))
    ]
    layers = {name: attribution.layer for name, attribution in result.attributions.items()}
    yield (
        "explain",
        draw_comparison(
            rows,
            ["photo", *(f"{name} at {layer}" if layer else name for name, layer in layers.items())],
            title=f"what speaks for a class - {result.about.models[0].name}",
            footer="; ".join([display.words("picture"), *([f"{zoom}, outlined"] if zoom else [])]) if signals else "",
            heat=HEAT if len(signals) < len(pictures) else "",
        ),
    )
    called, (pictures, _) = file_names(pictures), _pictures(result, display, None)
    for i, name in enumerate(_file_names(result)):
        for method, drawn in pictures.items():
            yield f"{name}-{called[method]}", _alone(drawn[i])


def print_result(result: Explanation) -> None:
    """Print a row for each image: the class that is explained, the likeliest one, and which methods gave nothing."""
    rows: list[list[Cell]] = [
        [image.image, *_cells(image.explained), *_cells(image.top1), "; ".join(_missing(image))]
        for image in result.images
    ]
    wanted = any(image.explained.number != image.top1.number for image in result.images)
    blank = any(map(_missing, result.images))
    places = [0, 1, 2, *([3, 4] if wanted else []), *([5] if blank else [])]
    count = counted(len(result.images) * len(result.attributions), "explanations")
    title = f"{count}, of {counted(len(result.images), 'images')} by {', '.join(result.attributions)}"
    print_table(title, [COLUMNS[i] for i in places], [[row[i] for i in places] for row in rows], drop=())
    if all(image.top1.name == str(image.top1.number) for image in result.images):
        show("classes go by their numbers, as the model does not name them: --classes FILE does")
    show_left_out(result.left_out)


def _cells(likely: LikelyClass) -> tuple[str, str]:
    """What the class is called and how likely it is."""
    return class_words(likely.name, likely.number), percent(likely.probability)


def _signals(result: Explanation) -> dict[str, np.ndarray]:
    """By method its signals in pixels; methods of a layer's maps have none."""
    values = {name: attribution.values for name, attribution in result.attributions.items()}
    return {name: signals for name, signals in values.items() if signals.ndim == 4}


def _pictures(
    result: Explanation, display: Display, windows: Sequence[Box] | None
) -> tuple[dict[str, list[Pixels | Worded]], str]:
    """By method signals in pixels, and maps as heat over the photo, all of these windows; and which part they are."""
    whole = [Box.at(0, 0, result.photos.shape[1:3])] * len(result.photos)
    named = _signals(result)
    shown = show_signals(
        result.about.models[0], display, list(named.values()), windows=list(windows or whole) * len(named),
        nothing=NOTHING,
    )  # fmt: skip
    signals = dict(zip(named, shown.signals, strict=True))
    return {
        name: signals[name] if name in signals else heat_pictures(attribution.values, result.photos, windows)
        for name, attribution in result.attributions.items()
    }, shown.zoom


def _alone(pixels: Pixels | Worded) -> Figure:
    page = Page(pixels.shape[1], pixels.shape[0])
    page.show(pixels, (0, 0))
    return page.finish()


def _caption(about: ExplainedImage) -> str:
    """The image, the class and how likely it is; the likeliest one, if another; what gave nothing."""
    text = f"{about.image}: {' '.join(_cells(about.explained))}"
    text += "" if about.explained.number == about.top1.number else f"; most likely {' '.join(_cells(about.top1))}"
    return "; ".join([text, *_missing(about)])


def _missing(about: ExplainedImage) -> list[str]:
    """By which methods nothing came down, and by which next to nothing."""
    both = {"nothing": about.blank, "next to nothing": about.faint}
    return [f"{what} came down by {', '.join(names)}" for what, names in both.items() if names]


def _file_names(result: Explanation) -> list[str]:
    """A name for the files of each image: without its ending, if that tells them apart."""
    ids = [about.image for about in result.images]
    stems = [str(PurePosixPath(id).with_suffix("")) for id in ids]
    chosen = stems if len(set(stems)) == len(stems) else ids
    return [file_names(chosen)[name] for name in chosen]
