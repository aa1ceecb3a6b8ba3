"""Signals as pictures: one way for all figures, and what their footers say of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from inspectnet.figures.display import Display, mark_beyond
from inspectnet.figures.heat import heat_over
from inspectnet.figures.page import Pixels, Worded
from inspectnet.geometry import Box
from inspectnet.methods import enlarge
from inspectnet.results import Model

FAINT = 0.02  # of the pixels that are shown
NO_HEAT = "no map speaks for it"
NOTHING = "nothing came down"
BEYOND = "pale grey: beyond the image"


@dataclass(frozen=True)
class Shown:
    """Tiles as they are shown, by group: signals, and beside each what the network saw there, if that was given."""

    signals: list[list[Pixels | Worded]]
    patches: list[list[Pixels]]
    zoom: str
    """Which part of a tile is shown, in words; empty if all of it."""
    beyond: bool
    """Whether one of them reaches beyond the image."""


def show_signals(
    model: Model,
    display: Display,
    groups: Sequence[np.ndarray],
    *,
    boxes: Sequence[Sequence[Box]] = (),
    patches: Sequence[np.ndarray] = (),
    windows: Sequence[Box] | None = None,
    nothing: str = NOTHING,
    why: str = "",
) -> Shown:
    """Signals (n, C, h, w) on the input of a model, those of one map in a group.

    boxes: where in the image each lies, which may reach beyond; patches: (n, h, w, 3) uint8 of each group, shown
    alike. windows: the part of each tile of all groups in turn that is shown; by default as the display has it.
    nothing: what a tile of zeros says. why: the reason, which it gives as one of next to nothing does.
    """
    whole = groups[0].shape[-2:] if groups else (0, 0)
    if windows is None:
        windows = display.windows(np.concatenate(groups)) if groups else []
    size, turn = windows[0].size if windows else whole, iter(windows)
    parts = [[next(turn) for _ in group] for group in groups]
    cut = [_cut(in_rgb(group, model), own) for group, own in zip(groups, parts, strict=True)]
    seen = [_cut(np.moveaxis(group, -1, 1), own) for group, own in zip(patches, parts, strict=True)] if patches else []
    pictures = [list(group) for group in display.draw(cut)]
    photos = [list(np.moveaxis(group, 1, -1)) for group in seen]
    beyond = False
    for group, (own, places) in enumerate(zip(parts, boxes, strict=True)) if boxes else ():
        for number, (window, box) in enumerate(zip(own, places, strict=True)):
            shown, image = window.moved(box.y0, box.x0), _image(model)
            if not shown.lies_in(image):
                beyond = True
                for pixels in (pictures, photos):
                    if pixels:
                        pixels[group][number] = mark_beyond(pixels[group][number], shown, image)
    worded = [
        [_worded(pixels, signal, nothing, why) for pixels, signal in zip(drawn, group, strict=True)]
        for drawn, group in zip(pictures, cut, strict=True)
    ]
    zoom = f"{max(size)} of {max(whole)} px, where the signal is" if size != whole else ""
    return Shown(worded, photos, zoom, beyond)


def heat_pictures(maps: np.ndarray, photos: np.ndarray, windows: Sequence[Box] | None = None) -> list[Pixels | Worded]:
    """Maps (n, h, w) from 0 up as heat over photos (n, H, W, 3) in grey, of each the window if there are any."""
    drawn = [heat_over(photo, heat) for photo, heat in zip(photos, enlarge(maps, photos.shape[1:3]), strict=True)]
    if windows is not None:
        drawn = [pixels[window.slices] for pixels, window in zip(drawn, windows, strict=True)]
    return [p if heat.any() else Worded(p, NO_HEAT) for p, heat in zip(drawn, maps, strict=True)]


def joint(signals: Sequence[np.ndarray]) -> np.ndarray:
    """One signal (N, 1, h, w) for several (N, C, h, w) that are shown alike: their energies, each of size 1, as one."""
    energies = [np.square(s.astype(np.float64)).sum(axis=1, keepdims=True) for s in signals]
    sizes = [np.maximum(e.sum(axis=(1, 2, 3), keepdims=True), np.finfo(np.float64).tiny) for e in energies]
    return np.asarray(np.sqrt(sum(e / size for e, size in zip(energies, sizes, strict=True))))


def in_rgb(signal: np.ndarray, model: Model) -> np.ndarray:
    """A signal (..., C, h, w) on the input of a model, with its channels in the order R, G, B.

    Of other than 3 channels or 1, which have no colours, the mean of the channels (..., 1, h, w).
    """
    if signal.shape[-3] not in (1, 3):
        return np.asarray(signal.mean(axis=-3, keepdims=True))
    bgr = model.preprocess is not None and model.preprocess.channel_order == "bgr"
    return signal[..., ::-1, :, :] if bgr else signal


def drawn_words(display: Display, shown: Iterable[Shown], tile: str = "tile") -> str:
    """How signals are drawn, as a footer says it: what is pale where something is. tile: what it calls one."""
    return "; ".join([display.words(tile), *[BEYOND] * any(tiles.beyond for tiles in shown)])


def policy_words(policy: object, operators: object) -> str:
    """How projections were made, as a footer says it: response normalisation where the network has one."""
    assert isinstance(policy, dict) and hasattr(operators, "__contains__")
    return "{method}; unpool {unpool}".format(**policy) + (f"; LRN {policy['lrn']}" if "LRN" in operators else "")


def _worded(pixels: Pixels, signal: np.ndarray, nothing: str, why: str) -> Pixels | Worded:
    """A picture that says so if its signal is nothing, or next to nothing, and why."""
    share = signal.any(axis=0).mean()
    if share >= FAINT:
        return pixels
    words = f"signal in {100 * share:.2g} % of the pixels" if share else nothing
    return Worded(pixels, f"{words}: {why}" if why else words)


def _cut(tiles: np.ndarray, windows: Sequence[Box]) -> np.ndarray:
    """The windows of tiles (n, C, h, w), all of one size."""
    if all(window.size == tiles.shape[-2:] for window in windows):
        return tiles
    return np.stack([tile[:, *window.slices] for tile, window in zip(tiles, windows, strict=True)])


def _image(model: Model) -> tuple[int, int]:
    """(H, W) of the prepared images."""
    assert model.preprocess is not None, "signals come of photos"
    return model.preprocess.input_size[1:]
