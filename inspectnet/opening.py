"""Opening: the network in an ONNX file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inspectnet.arguments import checks_arguments
from inspectnet.errors import blaming_the_model
from inspectnet.graph.layer_names import LayerNames
from inspectnet.graph.layers import find_layers
from inspectnet.graph.unlisted import unlisted_above
from inspectnet.images import Preparation
from inspectnet.network import Network
from inspectnet.preprocessing import class_names, prepare_model, training_epoch
from inspectnet.reading.reader import read
from inspectnet.runtime.device import choose_device


@checks_arguments
def open_network(
    path: str | Path,
    *,
    device: str = "auto",
    preparation: Preparation | Mapping[str, Any] | None = None,
    aliases: Mapping[str, str] | None = None,
    threads: int = 0,
    scores: str = "",
) -> Network:
    """The network in the ONNX file `path`, ready to be asked.

    device: auto, cpu, cuda or cuda:1. preparation: how photos become inputs, if not what travels with the model;
    or a few of its fields, {"mean": (0.5, 0.5, 0.5)}.
    aliases: further names of layers, {"conv5": "features.10"}. threads: cores to use, 0 for all.
    scores: the layer or output that holds the class scores, where several do.
    Raises ModelError, OptionError, LayerError or DeviceError.
    """
    source, on = read(path), choose_device(device)
    with blaming_the_model(source.path):
        model, photos, where = prepare_model(source, preparation or {})
        layers = find_layers(model.graph)
        unknown = unlisted_above(model.graph, layers)
        return Network(
            path=source.path, sha256=source.sha256, model=model, device=on, threads=threads,
            layer_names=LayerNames(layers, aliases, unknown), unknown=unknown, scores_in=scores,
            photos=photos, preparation_source=where,
            classes=class_names(source), epoch=training_epoch(source),
        )  # fmt: skip
