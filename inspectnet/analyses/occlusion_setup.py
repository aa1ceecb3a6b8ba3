"""What an occlusion is set up with: the layers and maps that are watched, and what of a photo is hidden, and how."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from inspectnet.analyses.hidden_places import ENGINES, Computed, Hiding
from inspectnet.analyses.selection import Selection, select_maps
from inspectnet.errors import LayerError, OptionError, RuleError, check_choice
from inspectnet.graph.layers import Layer
from inspectnet.images.occluder import FILLS, Grid, every_pixel, slide
from inspectnet.images.superpixels import Superpixels, check_installed, superpixels
from inspectnet.methods import cam_layer
from inspectnet.network import Network
from inspectnet.rules import Policy

STRENGTHS, SHAPES = ("sum", "max"), ("square", "slic")
ACROSS = 8  # superpixels side by side, by default


@dataclass
class Setup:
    """All that is the same for every photo, checked before one is looked at; see `occlude`.

    Raises OptionError, LayerError; RuleError for a layer that cannot be inverted.
    """

    network: Network
    asked: str | Sequence[str] = ()
    patch: int | None = None
    stride: int | None = None
    fill: str = "grey"
    by: str = "sum"
    policy: Policy = field(default_factory=Policy)
    seed: int = 0
    batch_size: int | None = None
    """Places per run; None for as many as memory allows."""
    engine: str = "auto"
    """What computes the answers: auto, incremental or whole."""
    shape: str = "square"
    """Of what is hidden: square, or slic for superpixels, of which each pixel has the answers."""
    grid: Grid = field(init=False)
    side: int = field(init=False)
    """Of the square, px, and of a square as large as a superpixel."""
    selections: Sequence[Selection] = field(init=False)
    """The layers, and their maps if these are asked for."""

    def __post_init__(self) -> None:
        network = self.network
        check_choice("fill", self.fill, FILLS)
        check_choice("strength", self.by, STRENGTHS)
        check_choice("shape", self.shape, SHAPES)
        size = network.input_shape[1:]
        if self.shape == "slic":
            check_installed()
            if self.stride is not None:
                raise OptionError("superpixels lie side by side, without a stride. Leave it out.")
        self.grid = every_pixel(size) if self.shape == "slic" else slide(size, self.patch, self.stride)
        self.side = self.grid.patch if self.shape == "square" else self.patch or max(1, round(min(size) / ACROSS))
        strongest = [] if self.asked else [Selection(cam_layer(network), count=1)]
        self.selections = strongest or select_maps(network, self.asked, 1)
        for layer in self.layers:
            if not layer.spatial:
                what = f"{layer.name} has no maps, only {layer.maps} units"
                raise LayerError(f"{what}. Choose a layer below it, as the last convolution.")
            if obstacle := network.inverse(self.policy).obstacle(layer.output):
                raise RuleError(obstacle)
        check_choice("engine", self.engine, ENGINES)
        self._hiding: Hiding | None = None

    def places(self, x: np.ndarray) -> Grid | Superpixels:
        """What of a prepared photo x (C, H, W) is hidden."""
        return self.grid if self.shape == "square" else superpixels(self.network.preparation.restore(x), self.side)

    def hide(self, places: Grid | Superpixels) -> Hiding:
        """What computes the answers to a photo with those places hidden."""
        if self._hiding is None:
            values = [self.network.class_scores().logits, *(layer.output for layer in self.layers)]
            self._hiding = Hiding(self.network, places, values, self.engine, self.batch_size)
        elif places is not self._hiding.places:
            self._hiding = self._hiding.at(places)
        return self._hiding

    @property
    def computed(self) -> Computed:
        """How the answers were computed; once there are any."""
        assert self._hiding is not None, "no photo was occluded"
        return self._hiding.computed

    @property
    def layers(self) -> list[Layer]:
        """The layers."""
        return [selection.layer for selection in self.selections]

    @property
    def most(self) -> int:
        """How many maps are watched in a photo."""
        return sum(selection.most for selection in self.selections)

    def choose(self, strengths: Sequence[np.ndarray]) -> list[tuple[int, int]]:
        """The maps to watch, as (layer, map), by the strength (maps,) of those of each layer."""
        return [
            (i, number)
            for i, (selection, strength) in enumerate(zip(self.selections, strengths, strict=True))
            for number in selection.strongest(np.argsort(-strength, kind="stable"))
        ]
