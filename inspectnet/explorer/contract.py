"""The contract with the page: the values of a report, as explorer/src/bundle.ts has them, field by field.

Numbers are Python's own, so that `inspectnet.results.encode` makes JSON of a value and `decode` checks one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

SCHEMA = 1  # of the values; a page refuses another one
UNITS_A_CHUNK = 64  # whose details, and sheets of examples, are one value
EXAMPLES = 9  # as many strongest images of a unit have tiles
MARK = "<!-- report -->"  # in the page, once: where elements of a single file go

Corners = tuple[float, float, float, float]
"""x0, y0, x1, y1."""


@dataclass(frozen=True)
class Input:
    """The images that a network takes."""

    name: str
    channels: int
    height: int
    width: int


@dataclass(frozen=True)
class Preprocess:
    """How photos become inputs, as Preparation has it."""

    input_size: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    crop_pct: float
    crop_mode: str
    channel_order: str


@dataclass(frozen=True)
class Accuracy:
    """How many of n images the network takes for what they are."""

    top1: float
    top5: float | None
    n: int


@dataclass(frozen=True)
class Images:
    """The images that were scanned; the first `walked` photos go through all layers, in images/N."""

    source: str
    count: int
    skipped: int
    walked: int
    sha256: str


@dataclass(frozen=True)
class Field:
    """A receptive field in pixels of the input."""

    height: int
    width: int
    stride: float
    top: float
    left: float


@dataclass(frozen=True)
class Layer:
    """One layer of the pipeline."""

    name: str
    path: str
    ops: tuple[str, ...]
    maps: int
    height: int
    width: int
    parameters: int
    field: Field | None
    scanned: bool
    dead: int
    duplicates: int | None


@dataclass(frozen=True)
class ResultTitle:
    """One of the results that a report holds."""

    kind: str
    title: str


@dataclass(frozen=True)
class Live:
    """The deconvnet in the page."""

    runtime: str
    weights: str
    methods: tuple[str, ...]
    layers: tuple[int, ...]
    input: str
    seed: str
    pixels: str
    outputs: Mapping[str, str]
    scores: str | None
    softmax: bool


@dataclass(frozen=True)
class Model:
    """What is read first."""

    schema: int
    inspectnet: str
    name: str
    sha256: str
    opset: int
    input: Input
    preprocess: Preprocess
    classes: tuple[str, ...] | None
    accuracy: Accuracy | None
    images: Images
    method: str
    layers: tuple[Layer, ...]
    photos: int
    results: tuple[ResultTitle, ...]
    live: Live | None
    live_reason: str


@dataclass(frozen=True)
class Sheet:
    """A sprite sheet: `count` square tiles, row by row."""

    name: str
    tile: int
    columns: int
    count: int


@dataclass(frozen=True)
class Pair:
    """Sheets of projections, and of the patches beside them."""

    projection: tuple[Sheet, ...]
    patch: tuple[Sheet, ...]


@dataclass(frozen=True)
class Quantiles:
    """Images at quantiles of each unit's maxima."""

    at: tuple[float, ...]
    patch: tuple[Sheet, ...]


@dataclass(frozen=True)
class LayerData:
    """The units of a layer as columns, and its sheets."""

    best: Pair
    examples: Pair
    photos: tuple[int, ...]
    quantiles: Quantiles
    filters: tuple[Sheet, ...]
    highest: tuple[float, ...]
    mean: tuple[float, ...]
    active: tuple[float, ...]
    selectivity: tuple[float, ...] | None
    best_class: tuple[int, ...] | None


@dataclass(frozen=True)
class Example:
    """One image that excites a unit, and where."""

    photo: int
    value: float
    y: int
    x: int
    box: Corners
    shown: Corners
    contrast: float


@dataclass(frozen=True)
class Histogram:
    """Counts between edges."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class ClassMean:
    """What the images of a class do to a unit."""

    index: int
    mean: float
    count: int


@dataclass(frozen=True)
class Alike:
    """A unit of the same layer, and how alike it is."""

    unit: int
    likeness: float


@dataclass(frozen=True)
class UnitData:
    """What only the page of a unit shows."""

    examples: tuple[Example, ...]
    quantiles: tuple[Example | None, ...]
    histogram: Histogram
    classes: tuple[ClassMean, ...]
    alike: tuple[Alike, ...]


@dataclass(frozen=True)
class Photo:
    """A photo that some page shows, and the network's input in it."""

    name: str
    width: int
    height: int
    label: int | None
    crop: Corners


@dataclass(frozen=True)
class Prediction:
    """A class that the network sees."""

    index: int
    probability: float


@dataclass(frozen=True)
class Excited:
    """A unit that a photo excites; share: of the highest that any image excites it."""

    unit: int
    value: float
    share: float
    y: int
    x: int


@dataclass(frozen=True)
class ExcitedLayer:
    """The units of a layer that a photo excites most."""

    layer: int
    units: tuple[Excited, ...]


@dataclass(frozen=True)
class ImageData:
    """One photo through all layers."""

    predictions: tuple[Prediction, ...]
    layers: tuple[ExcitedLayer, ...]


def short(value: float) -> float:
    """A number with five digits: more would only be bytes."""
    return float(f"{value:.5g}")
