"""Explanations shown: a page to compare methods on, and a picture of each."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from inspectnet.analyses.explain import Attribution, ExplainedImage, Explanation, LikelyClass
from inspectnet.figures.comparison import Row, draw_comparison
from inspectnet.figures.heat import heat_over
from inspectnet.figures.page import Figure, Page, Pixels
from inspectnet.methods import enlarge
from inspectnet.report.lines import show
from inspectnet.report.names import file_names
from inspectnet.report.signals import grey_picture

SIGNED = "zero is mid-grey, each picture has its own scale"
HEAT = "heat over the photo in grey: from 0 to the largest value of each map"


def figures(result: Explanation) -> Iterator[tuple[str, Figure]]:
    """The page, with a row for each image; and each of its pictures alone, in the network's resolution."""
    pictures = {name: _pictures(one, result) for name, one in result.attributions.items()}
    rows = [
        Row(_caption(image), [photo, *(drawn[i] for drawn in pictures.values())])
        for i, (image, photo) in enumerate(zip(result.images, result.photos, strict=True))
    ]
    layers = {name: one.layer for name, one in result.attributions.items()}
    maps = [one.values.ndim == 3 for one in result.attributions.values()]
    yield (
        "explain",
        draw_comparison(
            rows,
            ["photo", *(f"{name} at {layer}" if layer else name for name, layer in layers.items())],
            title=f"what speaks for a class - {result.about.models[0].name}",
            footer="" if all(maps) else SIGNED,
            heat=HEAT if any(maps) else "",
        ),
    )
    called = file_names(pictures)
    for i, name in enumerate(_file_names(result)):
        for method, drawn in pictures.items():
            yield f"{name}-{called[method]}", _alone(drawn[i])


def print_result(result: Explanation) -> None:
    """Print which methods explained how many images."""
    show(f"{', '.join(result.attributions)}: {len(result.images)} images")


def _pictures(attribution: Attribution, result: Explanation) -> list[Pixels]:
    """Signals in pixels with zero as mid-grey; maps as heat over the photo."""
    if attribution.values.ndim == 4:
        return list(grey_picture(attribution.values, result))
    large = enlarge(attribution.values, result.photos.shape[1:3])
    return [heat_over(photo, heat) for photo, heat in zip(result.photos, large, strict=True)]


def _alone(pixels: Pixels) -> Figure:
    page = Page(pixels.shape[1], pixels.shape[0])
    page.show(pixels, (0, 0))
    return page.finish()


def _caption(about: ExplainedImage) -> str:
    """The image, the class and how likely it is; the likeliest one, if another; what gave nothing."""
    text = f"{about.image}: {_called(about.explained)}"
    text += "" if about.explained.number == about.top1.number else f"; most likely {_called(about.top1)}"
    return text + (f"; nothing came down by {', '.join(about.blank)}" if about.blank else "")


def _called(told: LikelyClass) -> str:
    named, share = told.name != str(told.number), _percent(told.probability)
    return f"{told.name} ({told.number}) {share}" if named else f"class {told.number} {share}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.095 else f"{100 * share:.2g} %"


def _file_names(result: Explanation) -> list[str]:
    """A name for the files of each image: without its ending, if that tells them apart."""
    ids = [about.image for about in result.images]
    stems = [str(PurePosixPath(id).with_suffix("")) for id in ids]
    chosen = stems if len(set(stems)) == len(stems) else ids
    return [file_names(chosen)[name] for name in chosen]
