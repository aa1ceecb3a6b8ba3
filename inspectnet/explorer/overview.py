"""The model value: what a network is, its pipeline of layers, what a report holds of it."""

from typing import TYPE_CHECKING

import numpy as np

import inspectnet
from inspectnet.explorer import contract
from inspectnet.graph.layers import Layer

if TYPE_CHECKING:
    from inspectnet.explorer.bundle import Bundle


def describe_model(bundle: "Bundle") -> contract.Model:
    """What a page reads first. Raises InspectError."""
    network, seen = bundle.network, bundle.index.seen
    graph = network.model.graph
    way = network.preparation
    source = bundle.index.source
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
        _accuracy(bundle),
        contract.Images(
            source.name if source else "", seen.count, len(seen.skipped), len(bundle.walk.keys), seen.digest
        ),
        bundle.policy.method,
        tuple(_layer(bundle, layer) for layer in network.layers),
        len(bundle.photos),
        tuple(shown.title for shown in bundle.results),
        bundle.live.describe() if bundle.live else None,
        bundle.live_reason,
    )


def _layer(bundle: "Bundle", layer: Layer) -> contract.Layer:
    scanned = layer.output in {shown.output for shown in bundle.layers}
    columns = bundle.columns(layer) if scanned else None
    return contract.Layer(
        layer.name,
        layer.path,
        layer.ops,
        layer.maps,
        *layer.extent,
        layer.parameters,
        _field(layer),
        scanned,
        columns.dead if columns else 0,
        columns.duplicates if columns else 0,
    )


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
