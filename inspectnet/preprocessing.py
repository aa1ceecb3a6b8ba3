"""Preprocessing: how photos become a network's input, and where that is said.

In this order: the user's word, what travels with the model (a file beside it, its metadata), what the graph does
itself to the image, a guess.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import onnx_ir as ir

from inspectnet.errors import OptionError, nearest
from inspectnet.graph.extents import image_shape
from inspectnet.graph.values import known_shape
from inspectnet.images.prepare import Preparation
from inspectnet.reading import metadata
from inspectnet.reading.channels_last import CHANNELS
from inspectnet.reading.reader import Source, open_graph

DEFAULT_SIDE = 224  # of the image, where neither the file nor the user says


def prepare_model(source: Source, said: Preparation | Mapping[str, Any]) -> tuple[ir.Model, Preparation | None, str]:
    """The graph with its image's extent fixed, how photos become that image, and where this was said.

    Photos become no image of other than 3 channels or 1: None, and why. said: all of it, or the fields that go before
    what is found. Raises OptionError, ModelError.
    """
    if isinstance(said, Preparation):
        known: tuple[Preparation, str] | None = (said, "given by the user")
        said = {}
    else:
        _check_fields(said)
        known = _travelling(source)
    travelled = known[0].input_size[1:] if known and "input_size" not in said else None
    model = open_graph(source, travelled or _size_to_fix(source, said))
    shape = image_shape(model.graph)
    if shape[0] not in CHANNELS and not known:
        why = f"photos have 3 channels or 1, not {shape[0]}"
        if more := said.keys() - {"input_size"}:
            raise OptionError(f"{source.path} takes no photos, so it has no {min(more)}: {why}.")
        return model, None, why
    preparation, where = known or _guess(model)
    if said:
        # the network's own extent holds the number of channels, which the user does not say
        fields = {**said, "input_size": shape} if "input_size" in said else said
        preparation = dataclasses.replace(preparation, **fields)
        where = "given by the user" if {"mean", "std"} <= said.keys() else f"{where}, changed by the user"
    if source.layout == "nhwc":  # it may say so too, but the opened graph takes (N, C, H, W)
        preparation = dataclasses.replace(preparation, layout="nchw")
    if preparation.shape != shape:
        shapes = f"(C, H, W) = {shape}, but the preprocessing makes {preparation.shape}"
        raise OptionError(f"{source.path} takes images of {shapes}. Say --input-size H,W.")
    return model, preparation, where


def _check_fields(said: object) -> None:
    """Refuse what cannot be fields of a preparation; their values are looked at where they are used."""
    fields = [field.name for field in dataclasses.fields(Preparation)]
    if not isinstance(said, Mapping):
        raise OptionError(f"a preparation is a Preparation or a mapping of its fields, not {type(said).__name__}.")
    for key in said:
        if key not in fields:
            raise OptionError(f"a preparation has no '{key}'.{nearest(str(key), fields)} Fields: {' '.join(fields)}")
    size = said.get("input_size", (1, 1))
    whole = isinstance(size, Sequence) and all(type(n) is int and n > 0 for n in size)
    if not whole or len(size) not in (2, 3):
        raise OptionError(f"input_size must be (H, W) or (C, H, W) in whole numbers from 1 up, not {size!r}.")


def _travelling(source: Source) -> tuple[Preparation, str] | None:
    """The preparation that travels with the model, and where it was found."""
    entry = metadata.find_metadata(source.model, source.path, metadata.PREPROCESS)
    return None if entry is None else (Preparation.from_json(entry[0], entry[1]), entry[1])


def _size_to_fix(source: Source, said: Mapping[str, Any]) -> tuple[int, int] | None:
    """(H, W) as the user says, or for the extents that the file leaves open; None if it fixes both."""
    if "input_size" in said:
        h, w = said["input_size"][-2:]
        return h, w
    h, w = known_shape(source.model.graph.inputs[0])[2:]
    if isinstance(h, int) and isinstance(w, int):
        return None
    return h if isinstance(h, int) else DEFAULT_SIDE, w if isinstance(w, int) else DEFAULT_SIDE


def _guess(model: ir.Model) -> tuple[Preparation, str]:
    """What to do to photos if nobody says: what the graph does not do itself, else ImageNet's normalisation."""
    size = image_shape(model.graph)
    largest = metadata.baked_range(model.graph)
    if largest is not None:
        plain = Preparation(size, (0.0,) * size[0], (1 / largest,) * size[0])
        return plain, f"the graph normalises pixels of 0..{largest:g} itself"
    return Preparation.imagenet(size), "a guess: ImageNet's mean and std (say --mean, --std or annotate)"


def class_names(source: Source) -> list[str]:
    """The names of the classes that travel with the model, in the order of its output; empty if none do."""
    entry = metadata.find_metadata(source.model, source.path, metadata.CLASSES)
    if entry is None:
        return []
    names, where = entry
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise OptionError(f"{where}: class names are a JSON list of texts.")
    return names


def training_epoch(source: Source) -> int | None:
    """The epoch at which the model was saved, as a trainer writes it; None if that does not travel with it."""
    entry = metadata.find_metadata(source.model, source.path, metadata.TRAINING)
    epoch = entry[0].get("epoch") if entry and isinstance(entry[0], dict) else None
    return epoch if type(epoch) is int else None
