"""How features come to be: the strongest activation of some maps at each checkpoint of a training, projected.

Zeiler & Fergus 2014, sec. 4.2 and Fig. 4: for "a random subset of feature maps", "the strongest activation (across
all training examples)" at each epoch; "sudden jumps in appearance result from a change in the image" that wins; "the
lower layers of the model can be seen to converge within a few epochs", the upper ones after 40-50. How near a layer
is to its last state is told by the cosine of its filters, and by linear CKA of its activations.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from inspectnet.analyses.checkpoints import Watch, filter_cosine, largest_filters
from inspectnet.analyses.cka import FEWEST, cka_interval, linear_cka
from inspectnet.analyses.layer_features import refuse_beforehand
from inspectnet.analyses.provenance import images_of, provenance
from inspectnet.analyses.selection import Maps, Selection, select_maps
from inspectnet.analyses.sources import collection_of
from inspectnet.arguments import Share, checks_arguments
from inspectnet.errors import OptionError
from inspectnet.images import Collection, Reader, Sources, spaced
from inspectnet.inverse import field_box
from inspectnet.methods import policy_of
from inspectnet.network import Network
from inspectnet.progress import Progress, silent
from inspectnet.results import Axes, Result, derived
from inspectnet.rules import Policy
from inspectnet.scanning import ask


@dataclass(frozen=True)
class LayerEvolution:
    """One layer over E checkpoints: M of its maps, and how near all of it is to its last state."""

    layer: str
    maps: Annotated[tuple[int, ...], Axes("maps")]
    """M: which maps."""
    values: Annotated[np.ndarray, Axes("maps epochs", "float32")]
    """(M, E) float32: the strongest activation; 0 where nothing activates the map."""
    images: Annotated[tuple[Annotated[tuple[str | None, ...], Axes("epochs")], ...], Axes("maps")]
    """By map and checkpoint the image that wins, None where nothing activates the map."""
    places: Annotated[np.ndarray, Axes("maps epochs 2", "int64")]
    """(M, E, 2) int64: the unit's y and x in the map."""
    boxes: Annotated[np.ndarray, Axes("maps epochs 4", "int64")]
    """(M, E, 4) int64: x0, y0, x1, y1 of what the unit sees of the image; it may reach beyond."""
    projections: Annotated[np.ndarray, Axes("maps epochs channels+ h+ w+", "float32")]
    """(M, E, C, h, w) float32: what the unit sees of its projection; zero where nothing activates the map."""
    filter_cosine: Annotated[tuple[float, ...], Axes("epochs")] | None
    """E: mean cosine of the filters with those of the last checkpoint; None without filters."""
    cka: Annotated[tuple[float, ...], Axes("epochs")]
    """E: debiased linear CKA of the activations with those of the last checkpoint."""
    cka_intervals: Annotated[tuple[tuple[float, float] | None, ...], Axes("epochs")]
    """E: from where to where it may be with other images; None of fewer than 20."""

    def jumps(self) -> np.ndarray:
        """(M, E) bool: whether another image wins than at the checkpoint before, where one did."""
        jumped = [
            [False, *(None not in pair and pair[0] != pair[1] for pair in itertools.pairwise(row))]
            for row in self.images
        ]
        return np.array(jumped, bool).reshape(len(self.maps), len(self.cka))

    @derived
    def jump_counts(self) -> tuple[int, ...]:
        """E: how many of the maps jump at each checkpoint."""
        return tuple(int(count) for count in self.jumps().sum(axis=0))


@dataclass(frozen=True)
class Settling:
    """The epochs from which on a layer stays near its last state."""

    filters: int | None
    """None without filters."""
    activations: int


@dataclass(frozen=True, repr=False, eq=False)
class Evolution(Result):
    """Several layers of a network over the checkpoints of its training."""

    command: ClassVar[str] = "evolve"
    epochs: Annotated[tuple[int, ...], Axes("epochs+")]
    """E, rising; the models are in the same order."""
    layers: Annotated[tuple[LayerEvolution, ...], Axes("layers+")]
    near: float
    """How alike a settled layer is to its last state."""

    @derived
    def settled(self) -> tuple[Settling, ...]:
        """Of each layer."""
        return tuple(
            Settling(
                None if layer.filter_cosine is None else settled(self.epochs, layer.filter_cosine, self.near),
                settled(self.epochs, layer.cka, self.near),
            )
            for layer in self.layers
        )


def settled(epochs: Sequence[int], curve: Sequence[float], near: float) -> int:
    """The epoch from which on a curve stays at `near` or above; the last one is always its own last state."""
    below = np.flatnonzero(np.array(curve[:-1]) < near)
    return epochs[int(below[-1]) + 1 if len(below) else 0]


@checks_arguments
def evolve(
    networks: Sequence[Network],
    layers: str | Sequence[str],
    images: Sources,
    *,
    epochs: Sequence[int] | None = None,
    maps: Maps = 6,
    near: Share = 0.9,
    method: str | Policy = "deconvnet",
    compared: int = 256,
    seed: int = 0,
    batch_size: int = 16,
    threads: int | None = None,
    progress: Progress = silent,
) -> Evolution:
    """The evolution of layers over checkpoints of one network, each with its epoch; put into their order.

    epochs: of each network, by default as the files say. layers, maps: as for `deconv`; maps are drawn by the seed
    among those that are ever active. compared: images, evenly spaced, whose activations are compared. Each image is
    decoded once for all checkpoints and layers, and once more for each map that it wins. Raises OptionError for
    checkpoints of different networks, LayerError, ImageError if no image could be read, RuleError, ModelError if an
    activation is not a number.
    """
    networks, epochs = _in_order(networks, epochs)
    policy, collection = policy_of(method), collection_of(images)
    _refuse_strangers(networks)
    selections = select_maps(networks[-1], layers, maps)
    for selection in selections:
        refuse_beforehand(networks[-1].inverse(policy), selection.layer, selection.most, len(networks))
    names, examples = [selection.layer.name for selection in selections], spaced(len(collection), compared)
    watches = [Watch(network, [network.layer(name) for name in names], examples, seed) for network in networks]
    asked = [question for watch in watches for question in watch.questions]
    seen = ask(collection, asked, batch_size=batch_size, threads=threads, progress=progress)
    shared = int(np.isin(seen.keys[:, 0], examples).sum())
    if shared < FEWEST:
        raise OptionError(f"{shared} images are too few to compare layers by. Give {FEWEST} or more.")
    evolved = tuple(
        _evolve_layer(selection, k, watches, collection, policy, shared, seed) for k, selection in enumerate(selections)
    )
    options = {"layers": names, "epochs": epochs, "maps": maps, "near": near, "policy": policy, "compared": compared,
               "seed": seed}  # fmt: skip
    return Evolution(provenance(networks, images_of(seen), options), tuple(epochs), evolved, near)


def _in_order(networks: Sequence[Network], epochs: Sequence[int] | None) -> tuple[list[Network], list[int]]:
    """Checkpoints and their epochs, rising."""
    if not networks:
        raise OptionError("there is no checkpoint. Give two or more.")
    if epochs is None:
        for network in networks:
            if network.epoch is None:
                raise OptionError(
                    f"{network.path} does not say its epoch (metadata inspectnet.training). Say --epochs."
                )
        epochs = [network.epoch or 0 for network in networks]
    if len(epochs) != len(networks):
        raise OptionError(f"{len(epochs)} epochs are not one for each of {len(networks)} checkpoints.")
    if len(networks) < 2:
        raise OptionError(f"{networks[0].path} is one checkpoint; an evolution takes two or more.")
    order = sorted(range(len(networks)), key=epochs.__getitem__)
    for i, j in itertools.pairwise(order):
        if epochs[i] == epochs[j]:
            both = f"{networks[i].path} and {networks[j].path}"
            raise OptionError(f"{both} are both of epoch {epochs[i]}. Leave one out.")
    return [networks[i] for i in order], [epochs[i] for i in order]


def _refuse_strangers(networks: Sequence[Network]) -> None:
    """Raise OptionError for checkpoints of different networks, or that prepare photos in different ways."""

    def structure(network: Network) -> tuple[object, ...]:
        return network.input_shape, *((layer.name, layer.shape[1:]) for layer in network.layers)

    last = networks[-1]
    for network in networks:
        if structure(network) != structure(last):
            what = f"{network.path} and {last.path} are different networks"
            raise OptionError(f"{what}. Give checkpoints of one training.")
        if network.preparation != last.preparation:
            what = f"{network.path} prepares photos in another way than {last.path}"
            raise OptionError(f"{what}. Say how: --mean, --std.")


def _evolve_layer(
    selection: Selection, k: int, watches: Sequence[Watch], collection: Collection, policy: Policy, images: int,
    seed: int,
) -> LayerEvolution:  # fmt: skip
    """The k-th layer that is watched; images: how many its activations are compared by."""
    samples, winners = [watch.samples(k) for watch in watches], [watch.winners(k) for watch in watches]
    filters = [largest_filters(watch.network, selection.layer) for watch in watches]
    cosines = [
        filter_cosine(w, filters[-1], selection.layer.maps)
        for w in filters
        if w is not None and filters[-1] is not None
    ]
    chosen = selection.among(np.unique(np.concatenate([ranking.active() for ranking in winners])), seed)
    entries = np.stack([ranking.keys[chosen, 0, 0] for ranking in winners], axis=1).tolist()
    reader = Reader(collection, watches[-1].network.preparation)
    places = np.stack([ranking.places[chosen, 0] for ranking in winners], axis=1)
    image = watches[-1].network.input_shape[1:]
    boxes = [[field_box(selection.layer, y, x, image) for y, x in row] for row in places.tolist()]
    return LayerEvolution(
        selection.layer.name,
        tuple(chosen),
        np.stack([ranking.values[chosen, 0] for ranking in winners], axis=1),
        tuple(tuple(collection.entries[i].id if i >= 0 else None for i in row) for row in entries),
        places,
        np.array(boxes, np.int64).reshape(*places.shape[:2], 4),
        np.stack([watch.project(k, chosen, reader, policy) for watch in watches], axis=1),
        tuple(cosines) if cosines else None,
        tuple(linear_cka(sample, samples[-1]) for sample in samples),
        tuple(cka_interval(sample, samples[-1], images) for sample in samples),
    )
