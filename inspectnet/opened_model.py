"""The opened model: one settled graph, its layers by all their names, and the sessions that run parts of it."""

import functools
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx_ir as ir

from inspectnet.errors import LayerError, OptionError, blames_its_model
from inspectnet.graph.addresses import Address, names_of, parse_address
from inspectnet.graph.extents import fixed_batch, image_shape
from inspectnet.graph.layer_names import LayerNames
from inspectnet.graph.layers import Layer
from inspectnet.graph.values import live_values, numbers_in
from inspectnet.graph.writing import to_bytes
from inspectnet.runtime.device import Device
from inspectnet.runtime.session import Session
from inspectnet.runtime.sessions import Sessions

PIXELS, NUMBERS = 1 << 20, 1 << 25  # of a run on the way down: more brings no more speed, only memory


@blames_its_model
@dataclass(eq=False, kw_only=True)
class OpenedModel:
    """What a network and its inverses share: where the model came from, its layers, its sessions on one device."""

    path: Path
    sha256: str
    model: ir.Model = field(repr=False)
    """With its shapes known, for images (N, C, H, W)."""
    layer_names: LayerNames = field(repr=False)
    device: Device
    threads: int = 0
    """Cores to use, 0 for all."""

    def __post_init__(self) -> None:
        self.sessions = Sessions(self.device, self.threads)

    @property
    def layers(self) -> list[Layer]:
        """All layers, from the bottom up."""
        return self.layer_names.layers

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one prepared image."""
        return image_shape(self.model.graph)

    @property
    def fixed_batch(self) -> int | None:
        """The batch size the graph insists on, None if any will do."""
        return fixed_batch(self.model.graph)

    @functools.cached_property
    def pixels_per_run(self) -> int:
        """How many pixels of images a run on the way down takes together, by the numbers that the maps hold."""
        numbers = sum(numbers_in(value) for value in live_values(self.model.graph))
        _, height, width = self.input_shape
        return min(PIXELS, NUMBERS * height * width // max(1, numbers))

    def layer(self, name: str) -> Layer:
        """The layer called `name`, by any of its names. Raises LayerError with the nearest ones."""
        return self.layer_names.find(name)

    def address(self, text: str) -> Address:
        """The layer or unit that a text means: a name, as conv/Relu:0, before an address that looks so.

        Raises OptionError for what is neither.
        """
        (text,) = names_of([text])
        try:
            self.match(text)
        except LayerError:
            return parse_address(text)
        return Address(text)

    def match(self, patterns: str | Sequence[str]) -> list[Layer]:
        """The layers that names or globs mean, from the bottom up. Raises LayerError."""
        return self.layer_names.match(patterns)

    def value(self, name: str) -> ir.Value:
        """The value of the graph that has this ONNX name."""
        return next(value for node in self.model.graph for value in node.outputs if value.name == name)

    def session(self, key: Hashable, build: Callable[[], ir.Model]) -> Session:
        """The session of a graph, which is kept under `key` for its next use."""
        return self.sessions.keep(key, lambda: self.sessions.start(to_bytes(build())))

    def checked(self, x: np.ndarray) -> np.ndarray:
        """Prepared images as the sessions take them. Raises OptionError for another shape, or no numbers."""
        if x.dtype.kind not in "fiub":
            raise OptionError(f"images are arrays of numbers, not of {x.dtype}.")
        if x.ndim != 4 or x.shape[1:] != self.input_shape or not len(x):
            wanted = ", ".join(map(str, self.input_shape))
            raise OptionError(
                f"images have the shape {x.shape}, but {self.path} wants (N, {wanted}). net.prepare makes it of photos."
            )
        return np.ascontiguousarray(x, np.float32)

    def close(self) -> None:
        """Let go of all sessions, each of which holds weights of its own; they are made again when needed."""
        self.sessions.clear()
