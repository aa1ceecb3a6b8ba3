"""Network: one opened model, the only door for analyses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from inspectnet.errors import ModelError, blames_its_model
from inspectnet.geometry import Maxima, Unit
from inspectnet.graph.layers import Layer
from inspectnet.graph.listing import html_listing, text_listing
from inspectnet.graph.scores import ClassScores, ScorePool, find_pool, find_scores, of_each_class, softmax
from inspectnet.graph.subgraphs import cut, cut_at_maxima
from inspectnet.graph.weights import replace_weights, weights_of
from inspectnet.graph.writing import to_bytes
from inspectnet.images import Collection, Preparation, Reader, Sources, collection_of, is_pillow, sources_of
from inspectnet.inverse import Inverse, check_unit
from inspectnet.inverse.operators import operators_below
from inspectnet.opened_model import OpenedModel
from inspectnet.rules import Policy
from inspectnet.runtime.batches import run_in_batches
from inspectnet.runtime.session import Session


@blames_its_model
@dataclass(eq=False, kw_only=True, repr=False)
class Network(OpenedModel):
    """An opened model: its layers, what they answer, and by `inverse` the way back from them to the pixels."""

    photos: Preparation | None
    """How photos become inputs; None if they do not, as where images have 5 channels."""
    preparation_source: str
    """Where that was said, or why photos do not become inputs."""
    classes: list[str]
    """Names of the classes in the order of the output, empty if the model does not tell."""
    epoch: int | None
    """The epoch of the training at which it was saved, None if the model does not tell."""
    unknown: str | None
    """The operator above which not all layers are listed, in words; None if all are."""
    scores_in: str
    """The layer or output that holds the class scores, as the user says; empty if nothing is said."""

    def __repr__(self) -> str:
        """What was opened, and a line for each layer."""
        return text_listing(self._title(), self.layers)

    def _repr_html_(self) -> str:
        """The same as a table, which notebooks show."""
        return html_listing(self._title(), self.layers)

    def _title(self) -> str:
        classes = f", {len(self.classes)} named classes" if self.classes else ""
        return f"{self.path.name}: images {'x'.join(map(str, self.input_shape))}{classes}, on {self.device.name}"

    @property
    def preparation(self) -> Preparation:
        """How photos become inputs. Raises ModelError for a network that takes none."""
        if self.photos is None:
            why = f"{self.path} takes no photos, for {self.preparation_source}"
            raise ModelError(f"{why}. layers, invert, verify, diagnose need none; from Python give it arrays.")
        return self.photos

    def inverse(self, policy: Policy | None = None) -> Inverse:
        """The way back by a policy, by default the deconvnet's."""
        return Inverse(self, policy or Policy())

    def prepare(self, images: Sources) -> np.ndarray:
        """(N, C, H, W) float32: photos as the network wants them, in the order given; folders sorted by path.

        images: a path of a photo, a folder or a list, an image of Pillow, uint8 arrays (see `images.given.photos_of`),
        or several of these. Raises ImageError for one that cannot be read, ModelError if the network takes no photos.
        """
        readers = [Reader(collection_of(source), self.preparation) for source in sources_of(images)]
        return np.stack([reader.load(i) for reader in readers for i in range(len(reader.collection))])

    def checked(self, x: Sources) -> np.ndarray:
        """Images as the sessions take them: prepared ones (N, C, H, W), a single one (C, H, W), or photos.

        Paths, images of Pillow and uint8 arrays are photos. Raises OptionError for another shape, ImageError.
        """
        if isinstance(x, Sequence | Path | Collection) or is_pillow(x):
            return super().checked(self.prepare(x))
        array = np.asarray(x)
        if array.dtype == np.uint8 and self.photos is not None:
            return super().checked(self.prepare(array))
        return super().checked(array[None] if array.shape == self.input_shape else array)

    def activations(self, x: Sources, layer: str, *, pre: bool = False) -> np.ndarray:
        """The maps (N, K, h, w) of `layer` for images x, prepared (N, C, H, W) or photos; (N, K) if it has no extent.

        layer: also one map, conv5:7, (N, h, w), or unit, conv5:7@3,3, (N,). pre, or conv5:pre: the raw sums before the
        activation. Raises LayerError, OptionError for an x of another shape, ImageError.
        """
        address = self.address(layer)
        addressed, x = self.layer(address.layer), self.checked(x)
        value = addressed.pre if pre or address.pre else addressed.output
        if address.map is None:
            return self.values(x, [value])[value]
        check_unit(addressed, Unit(0, address.map, address.y or 0, address.x or 0), len(x))
        place = () if address.y is None or not addressed.spatial else (address.y, address.x)
        return self.values(x, [value])[value][:, address.map, *place]

    def values(self, x: Sources, names: Sequence[str]) -> dict[str, np.ndarray]:
        """The tensors of those ONNX names for images x, prepared (N, C, H, W) or photos, in one pass."""
        image = str(self.model.graph.inputs[0].name)
        wanted = tuple(dict.fromkeys(name for name in names if name != image))
        run = {image: (x := self.checked(x))}
        if wanted:
            session = self.session(("cut", wanted), lambda: cut(self.model, wanted))
            run |= run_in_batches(session, x, self.fixed_batch)
        return run

    def maxima(self, x: Sources, layers: Sequence[str]) -> dict[str, Maxima]:
        """By layer, the strongest unit of each map for images x, prepared or photos, in one pass for all.

        Only maxima and their places leave the session (Zeiler & Fergus 2014, sec. 4.1: the top 9 activations).
        """
        searched = [self.layer(name) for name in layers]
        session, names = self._maxima_session(tuple(dict.fromkeys(layer.output for layer in searched)))
        run, maxima = run_in_batches(session, self.checked(x), self.fixed_batch), {}
        for name, layer in zip(layers, searched, strict=True):
            value, place = names[layer.output]
            places = run[place] if place else np.zeros(run[value].shape, np.int64)
            maxima[name] = Maxima(run[value], np.stack(np.divmod(places, layer.extent[1]), axis=-1))
        return maxima

    def class_scores(self, layer: str = "") -> ClassScores:
        """Where the network says which class it sees: in `layer` or an output of that name, else in its output.

        By default `layer` is what it was opened with. Raises ModelError if that is not clear, LayerError.
        """
        layer = layer or self.scores_in
        outputs = [value.name for value in self.model.graph.outputs]
        name = layer if layer in outputs else self.layer(layer).output if layer else None
        return find_scores(self.model.graph, name, str(self.path))

    def score_pool(self) -> ScorePool | None:
        """The pool over all places that the class scores are made of, if there is one. Raises ModelError."""
        return find_pool(self.model.graph, self.class_scores().logits)

    def class_maps(self) -> Layer | None:
        """The layer below such a pool that has a map for each class, if there is one. Raises ModelError."""
        pool = self.score_pool()
        maps = [layer for layer in self.layers if pool and pool.last and pool.pooled in layer.values]
        return maps[-1] if maps else None

    def probabilities(self, x: Sources) -> np.ndarray:
        """(N, K) float64: of each class, for images x, prepared (N, C, H, W) or photos.

        Raises OptionError for an x of another shape, ImageError, ModelError if an answer is no number.
        """
        logits = self.class_scores().logits
        return self.softmax(self.values(x, [logits])[logits])

    def softmax(self, logits: np.ndarray) -> np.ndarray:
        """(N, K) float64: the probability of each class, by the `logits` of `class_scores`. Raises ModelError."""
        return softmax(of_each_class(logits), str(self.path))

    def layers_below_scores(self) -> list[Layer]:
        """The layers that the class scores are made of, from the bottom up."""
        passed = {operator.output for operator in operators_below(self.model, self.class_scores().logits)}
        return [layer for layer in self.layers if not passed.isdisjoint(layer.values)]

    def weights(self, layer: str = "") -> dict[str, np.ndarray]:
        """The weights of `layer`, or all, by their names in the file, float32: filters, biases, statistics."""
        every = (str(node.outputs[0].name) for node in self.model.graph)
        return weights_of(self.model, self.layer(layer).values if layer else set(every))

    def with_weights(self, weights: Mapping[str, np.ndarray]) -> "Network":
        """The same network, but that the weights of these names hold other numbers; all other weights are shared."""
        return replace(self, model=replace_weights(self.model, weights))

    def _maxima_session(self, values: tuple[str, ...]) -> tuple[Session, dict[str, tuple[str, str | None]]]:
        """What gives the maxima of `values`, and by value the names of its outputs for them."""

        def make() -> tuple[Session, dict[str, tuple[str, str | None]]]:
            model, names = cut_at_maxima(self.model, values)
            return self.sessions.start(to_bytes(model)), names

        return self.sessions.keep(("maxima", values), make)
