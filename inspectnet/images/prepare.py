"""The preparation: what a network wants done to a photo before it sees it, in timm's vocabulary."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import ImageError, OptionError, nearest
from inspectnet.images.fit import CROP_MODES, INTERPOLATIONS, Pixels, fit, luma, most_pixels, surround

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CHOICES = {
    "interpolation": INTERPOLATIONS,
    "crop_mode": CROP_MODES,
    "channel_order": ("rgb", "bgr"),
    "layout": ("nchw", "nhwc"),
}

Prepared = NDArray[np.float32]


@dataclass(frozen=True)
class Preparation:
    """How pixels become a network's input. Raises OptionError for values that make no sense."""

    input_size: tuple[int, int, int]
    """(C, H, W), in this order for every layout; C is 3 for colour or 1 for luma."""
    mean: tuple[float, ...]
    """Subtracted from pixels in 0..1: C numbers, in the order of the network's channels (B, G, R for bgr)."""
    std: tuple[float, ...]
    """Then divided by; as `mean`."""
    interpolation: str = "bilinear"
    """bilinear, bicubic, nearest, lanczos, box or hamming: Pillow's filter of that name, antialiased."""
    crop_pct: float = 0.875
    """Side of the crop as a part of the frame it is cut from, 0 < crop_pct <= 1."""
    crop_mode: str = "center"
    """center, squash or border: see `fit`."""
    channel_order: str = "rgb"
    """rgb or bgr; without meaning where C is 1."""
    layout: str = "nchw"
    """nchw or nhwc: the axes of what comes out; for an opened network nchw, whichever axes its file has."""

    def __post_init__(self) -> None:
        for name in ("input_size", "mean", "std"):
            object.__setattr__(self, name, _sequence(name, getattr(self, name)))
        if len(self.input_size) != 3 or not all(type(n) is int and n > 0 for n in self.input_size):
            raise OptionError(f"input_size must be three whole numbers (C, H, W), not {self.input_size}.")
        channels = self.input_size[0]
        if channels not in (1, 3):
            raise OptionError(f"input_size must begin with 1 or 3 channels, not {channels}.")
        for name in ("mean", "std"):
            values = getattr(self, name)
            if len(values) != channels or not all(_is_finite(value) for value in values):
                raise OptionError(f"{name} must be {channels} finite numbers, one for each channel, not {values}.")
            object.__setattr__(self, name, tuple(map(float, values)))
        if min(self.std) <= 0:
            raise OptionError(f"std must be positive, not {self.std}.")
        if not all(_is_finite(1 / std) and _is_finite(m / std) for m, std in zip(self.mean, self.std, strict=True)):
            raise OptionError(f"std is too small to divide by, {self.std}. Give the deviation of pixels in 0..1.")
        if not _is_finite(self.crop_pct) or not 0 < self.crop_pct <= 1:
            raise OptionError(f"crop_pct must be greater than 0 and at most 1, not {self.crop_pct!r}.")
        _, height, width = self.input_size
        if height * width > most_pixels(height, width) * self.crop_pct**2:
            what = f"crop_pct is too small for an input of {height}x{width}: {self.crop_pct!r}"
            raise OptionError(f"{what}. Most networks have 0.8 to 1.")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise OptionError(f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}.")

    @classmethod
    def imagenet(cls, input_size: tuple[int, int, int]) -> "Preparation":
        """What most networks trained on ImageNet expect: a guess for those that do not say."""
        if input_size[0] == 1:  # timm, too, averages over the channels
            return cls(input_size, (sum(IMAGENET_MEAN) / 3,), (sum(IMAGENET_STD) / 3,))
        return cls(input_size, IMAGENET_MEAN, IMAGENET_STD)

    @classmethod
    def from_json(cls, values: object, where: str) -> "Preparation":
        """The preparation in decoded JSON; raises OptionError, which names `where` it was read."""
        if not isinstance(values, Mapping):
            raise OptionError(f"{where}: a preparation is a JSON object, not {type(values).__name__}.")
        fields = [field.name for field in dataclasses.fields(cls)]
        for key in values:
            if key not in fields:
                raise OptionError(f"{where}: unknown key {key!r}.{nearest(str(key), fields)} Keys: {' '.join(fields)}")
        missing = [name for name in ("input_size", "mean", "std") if name not in values]
        if missing:
            raise OptionError(f"{where}: {' and '.join(missing)} missing from the preparation. Add them.")
        try:
            return cls(**values)
        except OptionError as error:
            raise OptionError(f"{where}: {error}") from None

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON holds them; `from_json` gives the same preparation back."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}

    @property
    def shape(self) -> tuple[int, int, int]:
        """The axes of one prepared image: (C, H, W), or (H, W, C) for the layout nhwc."""
        channels, height, width = self.input_size
        return (channels, height, width) if self.layout == "nchw" else (height, width, channels)

    def fit(self, pixels: Pixels, middle: tuple[int, int] | None = None) -> Pixels:
        """RGB pixels [h, w, 3] resized and cropped to [H, W, C]; as `fit` in `fit.py`. Raises ImageError."""
        pixels = self._in_channels(pixels)
        size, fill = self.input_size[1:], self._mean_pixel
        return fit(pixels, size, self.interpolation, self.crop_pct, self.crop_mode, fill, middle)

    def surround(self, pixels: Pixels) -> tuple[Pixels, tuple[int, int]]:
        """All of RGB pixels [h, w, 3] as `fit` resizes them, [h', w', C], and the corner (y, x) of its crop in them.

        Raises ImageError.
        """
        pixels = self._in_channels(pixels)
        return surround(pixels, self.input_size[1:], self.interpolation, self.crop_pct, self.crop_mode)

    def shrink(self, pixels: Pixels) -> Pixels:
        """What of RGB pixels [h, w, 3] is enough: [h', w', 3], which `fit` and `surround` resize no further.

        Raises ImageError.
        """
        enough = self.surround(pixels)[0]
        return np.ascontiguousarray(np.broadcast_to(enough, (*enough.shape[:2], 3)))

    def normalise(self, pixels: Pixels, out: Prepared | None = None) -> Prepared:
        """(pixels / 255 - mean) / std in the network's layout, for pixels [H, W, C or 3] of exactly its size.

        out float32 of `shape`, contiguous: where to put the result, if not in a new array.
        """
        channels, height, width = self.input_size
        if pixels.dtype != np.uint8 or pixels.shape not in ((height, width, channels), (height, width, 3)):
            raise ImageError(f"pixels must be uint8 [{height}, {width}, 3], not {pixels.dtype} {list(pixels.shape)}.")
        if pixels.shape[2] != channels:
            pixels = luma(pixels)
        out = np.empty(self.shape, np.float32) if out is None else out
        assert out.flags.c_contiguous, "what is written to a copy of `out` would be lost"
        ordered = pixels[:, :, :: self._step]
        if self.layout == "nchw":
            ordered = ordered.transpose(2, 0, 1)
        scale, shift = self._affine
        rows = out.reshape(self.shape[0], -1)
        np.multiply(np.ascontiguousarray(ordered).reshape(rows.shape), scale, out=rows)
        np.add(rows, shift, out=rows)
        return out

    def apply(self, pixels: Pixels, out: Prepared | None = None) -> Prepared:
        """RGB pixels [h, w, 3] of any size as the network wants them, in float32. Raises ImageError."""
        return self.normalise(self.fit(pixels), out)

    def restore(self, x: Prepared) -> Pixels:
        """The RGB pixels [H, W, 3] that were prepared to `x`: exactly those that `fit` gave."""
        axes = x.transpose(1, 2, 0) if self.layout == "nchw" else x
        grey_levels = (axes * np.asarray(self.std, np.float32) + np.asarray(self.mean, np.float32)) * 255
        pixels = np.rint(grey_levels).clip(0, 255).astype(np.uint8)[:, :, :: self._step]
        return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))

    def _in_channels(self, pixels: Pixels) -> Pixels:
        """RGB pixels [h, w, 3] as [h, w, C]."""
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
            raise ImageError(f"pixels must be uint8 [H, W, 3], not {pixels.dtype} {list(pixels.shape)}.")
        if self.input_size[0] == 1:
            pixels = luma(pixels)
        return pixels

    @property
    def _step(self) -> int:
        return -1 if self.channel_order == "bgr" else 1

    @property
    def _mean_pixel(self) -> Pixels:
        """`mean` as a pixel [C] of the photo."""
        return np.rint(np.multiply(self.mean, 255)).clip(0, 255).astype(np.uint8)[:: self._step]

    @cached_property
    def _affine(self) -> tuple[Prepared, Prepared]:
        """(scale, shift) that broadcast against the input seen as [C, H * W], or [H, W * C] for nhwc.

        One multiplication and one addition over contiguous rows: 1.3 times faster than dividing as torch does
        (which differs in the last bit or two), 2 times faster than a table of 256 values for each channel.
        """
        scale = np.reciprocal(np.multiply(self.std, 255.0)).astype(np.float32)
        shift = (-np.divide(self.mean, self.std)).astype(np.float32)
        if self.layout == "nchw":
            return scale[:, None], shift[:, None]
        return np.tile(scale, self.input_size[2])[None], np.tile(shift, self.input_size[2])[None]


def _sequence(name: str, value: object) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise OptionError(f"{name} must be a list of numbers, not {value!r}.")
    return tuple(value)


def _is_finite(value: object) -> bool:
    # 1e30 leaves room for arithmetic in float32; JSON may hold integers of any length
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30
