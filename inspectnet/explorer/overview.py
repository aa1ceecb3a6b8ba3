"""The model value: what a network is, its pipeline of layers, what a report holds of it."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

import inspectnet
from inspectnet.explorer import contract
from inspectnet.graph.layers import Layer
from inspectnet.network import Network
from inspectnet.rules import Policy

if TYPE_CHECKING:
    from inspectnet.explorer.bundle import Bundle


def describe_network(network: Network, policy: Policy) -> contract.Model:
    """What a page reads first of a network whose images nobody has looked at yet. Raises ModelError."""
    graph, way = network.model.graph, network.preparation
    return contract.Model(
        contract.SCHEMA,
        inspectnet.__version__,
        network.path.name,
        network.sha256,
        int(graph.opset_imports.get("") or 0),
        contract.Input(str(graph.inputs[0].name), *network.input_shape),
        contract.Preprocess(
            way.input_size, way.mean, way.std, way.interpolation, way.crop_pct, way.crop_mode, way.channel_order
        ),
        tuple(network.classes) or None,
        None,
        contract.Images("", 0, 0, 0, ""),
        policy.method,
        tuple(map(_layer, network.layers)),
        0,
        (),
        None,
        "",
    )


def describe_model(bundle: "Bundle") -> contract.Model:
    """What a page reads first of a network and its images. Raises InspectError."""
    seen, source = bundle.index.seen, bundle.index.source
    told, layers = describe_network(bundle.network, bundle.policy), dict(bundle.numbered())
    return replace(
        told,
        classes=bundle.labels.names or None,
        accuracy=_accuracy(bundle),
        images=contract.Images(
            source.name if source else "", seen.count, len(seen.skipped), len(bundle.walk.keys), seen.digest
        ),
        layers=tuple(
            _scanned(bundle, about, layers[number]) if number in layers else about
            for number, about in enumerate(told.layers)
        ),
        photos=len(bundle.photos),
        results=tuple(shown.title for shown in bundle.results),
        live=bundle.live.describe() if bundle.live else None,
        live_reason=bundle.live_reason,
    )


def _layer(layer: Layer) -> contract.Layer:
    size, field = layer.extent, _field(layer)
    return contract.Layer(
        layer.name, layer.path, layer.ops, layer.maps, *size, layer.parameters, field,
        scanned=False, dead=0, duplicates=0,
    )  # fmt: skip


def _scanned(bundle: "Bundle", about: contract.Layer, layer: Layer) -> contract.Layer:
    columns = bundle.columns(layer)
    return replace(about, scanned=True, dead=columns.dead, duplicates=columns.duplicates)


def _field(layer: Layer) -> contract.Field | None:
    if layer.field is None or not layer.spatial:
        return None
    down, across = layer.field
    return contract.Field(down.box, across.box, abs(float(down.jump)), float(down.start), float(across.start))


def _accuracy(bundle: "Bundle") -> contract.Accuracy | None:
    """How many of the walked photos with a label the network gets right; None without labels or scores."""
    probabilities = bundle.walk.probabilities
    entries = bundle.walk.keys[:, 0].tolist()
    labels = [bundle.photos.label(entry) for entry in entries]
    rows = [row for row, label in enumerate(labels) if label is not None]
    if probabilities is None or not rows or bundle.index.tile:
        return None
    order = np.argsort(-probabilities[rows], axis=1, kind="stable")
    right = order == np.array([labels[row] for row in rows])[:, None]
    top5 = float(right[:, :5].any(axis=1).mean()) if order.shape[1] > 5 else None
    return contract.Accuracy(float(right[:, 0].mean()), top5, len(rows))
