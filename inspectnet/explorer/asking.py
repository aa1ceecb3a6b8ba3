"""Asking: what a page asks of the network behind it, checked and answered."""

import base64
import binascii
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inspectnet.errors import LayerError, ModelError, OptionError, check_choice
from inspectnet.explorer.contract import short
from inspectnet.explorer.live import METHODS, encode_floats
from inspectnet.files.parsing import parse_json
from inspectnet.geometry import Unit
from inspectnet.graph.layers import Layer
from inspectnet.network import Network
from inspectnet.results import decode
from inspectnet.rules import Policy

IMAGES = 64  # that are asked for at once
REST = 4096  # bytes of a question beside its images


@dataclass(frozen=True)
class Forward:
    """What the network makes of an image: the strongest place of each map, and its classes."""

    ask: str
    image: str


@dataclass(frozen=True)
class Maps:
    """All of a layer's maps for an image."""

    ask: str
    image: str
    layer: int


@dataclass(frozen=True)
class Project:
    """The projection of one unit."""

    ask: str
    image: str
    layer: int
    unit: int
    y: int
    x: int
    value: float
    method: str


@dataclass(frozen=True)
class Scores:
    """The probabilities of classes for several images."""

    ask: str
    images: tuple[str, ...]


QUESTIONS = {"forward": Forward, "maps": Maps, "project": Project, "scores": Scores}


class Answerer:
    """Answers one question after the other, for one network."""

    def __init__(self, network: Network) -> None:
        self._network, self._lock = network, threading.Lock()
        self.largest = IMAGES * (4 * int(np.prod(network.input_shape)) + 2) * 4 // 3 + REST
        """Bytes of a question at the most."""

    def answer(self, data: bytes) -> dict[str, object]:
        """The answer to a question in JSON. Raises ValueError for what is none, InspectError."""
        record = parse_json(data)
        kind: Any = QUESTIONS.get(str(record.get("ask"))) if isinstance(record, Mapping) else None
        if kind is None:
            raise ValueError(f"ask one of {', '.join(QUESTIONS)}")
        if extra := sorted(record.keys() - set(kind.__dataclass_fields__)):
            raise ValueError(f"{kind.__name__.lower()} has no {extra[0]}")
        question = decode(record, kind, {})
        with self._lock:
            answer: dict[str, object] = _ANSWERS[kind](self, question)
            return answer

    def _forward(self, asked: Forward) -> dict[str, object]:
        x, layers = self._images(asked.image), self._network.layers
        maxima = self._network.maxima(x, [layer.output for layer in layers])
        told = [
            {"layer": number, "values": list(map(short, found.values[0].tolist())), **_places(found.places[0])}
            for number, found in enumerate(maxima[layer.output] for layer in layers)
        ]
        try:
            probabilities = list(map(short, self._network.probabilities(x)[0].tolist()))
        except ModelError:  # without clear class scores
            return {"probabilities": None, "layers": told}
        return {"probabilities": probabilities, "layers": told}

    def _maps(self, asked: Maps) -> dict[str, object]:
        return {
            "values": encode_floats(self._network.activations(self._images(asked.image), self._layer(asked).output))
        }

    def _project(self, asked: Project) -> dict[str, object]:
        check_choice("method", asked.method, METHODS)
        unit = Unit(0, asked.unit, asked.y, asked.x, asked.value)
        inverse = self._network.inverse(Policy(asked.method))
        if obstacle := inverse.obstacle(self._layer(asked).output):
            raise OptionError(obstacle)
        (projected,) = inverse.project(self._images(asked.image), self._layer(asked).output, [unit])
        pixels = np.zeros(self._network.input_shape, np.float32)
        box = projected.box
        pixels[:, *box.slices] = projected.pixels
        return {"pixels": encode_floats(pixels)}

    def _scores(self, asked: Scores) -> dict[str, object]:
        if not 0 < len(asked.images) <= IMAGES:
            raise ValueError(f"ask for 1 to {IMAGES} images at once")
        x = np.concatenate([self._images(image) for image in asked.images])
        return {"probabilities": [list(map(short, row)) for row in self._network.probabilities(x).tolist()]}

    def _layer(self, asked: Maps | Project) -> Layer:
        if not 0 <= asked.layer < len(self._network.layers):
            raise LayerError(f"there is no layer {asked.layer}: there are {len(self._network.layers)}.")
        return self._network.layers[asked.layer]

    def _images(self, text: str) -> np.ndarray:
        """(1, C, H, W) float32. Raises ValueError for what is no such image."""
        shape = self._network.input_shape
        try:
            x = np.frombuffer(base64.b64decode(text, validate=True), "<f4")
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"an image is float32 in base64: {error}") from error
        if x.size != np.prod(shape) or not np.isfinite(x).all():
            raise ValueError(f"an image is {np.prod(shape)} finite numbers, not {x.size}")
        return x.reshape(1, *shape).astype(np.float32)


_ANSWERS: dict[type, Any] = {
    Forward: Answerer._forward,
    Maps: Answerer._maps,
    Project: Answerer._project,
    Scores: Answerer._scores,
}


def _places(places: np.ndarray) -> dict[str, object]:
    return {"ys": places[:, 0].tolist(), "xs": places[:, 1].tolist()}
