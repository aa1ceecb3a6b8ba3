"""The graphs for the page compute what Python computes, from one file of weights."""

import base64
import gzip
import json

import numpy as np
import onnxruntime
import pytest
from commands import noisy_photos, write_network
from nets import POOLED, random_weights

import inspectnet
from inspectnet.explorer import Bundle
from inspectnet.explorer.live import METHODS, WEIGHTS, LivePart, why_not_live
from inspectnet.explorer.page import Page
from inspectnet.results import encode
from inspectnet.rules import Policy

SIDE = 16


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    weights = random_weights(0, k1=(5, 3, 3, 3), k2=(70, 5, 3, 3), m=(70, 4))
    model = write_network(tmp_path_factory.mktemp("net") / "net.onnx", POOLED, weights, SIDE)
    photos = noisy_photos(tmp_path_factory.mktemp("photos"), {f"{at}.png": (20 + at, 30 - at) for at in range(4)})
    network, index = inspectnet.open(model, device="cpu"), tmp_path_factory.mktemp("index")
    inspectnet.scan(network, photos, index)
    return Bundle(network, inspectnet.open_index(index), page=Page("", {"wasm": "x"}, "1.2.3"))


def unpack(text):
    return gzip.decompress(base64.b64decode(text))


def weights_of(bundle):
    """The file of weights, whose bytes lie in planes."""
    planes = unpack(bundle.value("live/weights"))
    assert len(planes) % 4 == 0
    return np.frombuffer(planes, np.uint8).reshape(4, -1).T.tobytes()


def session(bundle, name, folder):
    """The graph of a name, as onnxruntime loads it beside its weights."""
    (folder / "graph.onnx").write_bytes(unpack(bundle.value(name)))
    (folder / WEIGHTS).write_bytes(weights_of(bundle))
    return onnxruntime.InferenceSession(folder / "graph.onnx")


def floats(text, shape):
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(shape)


def test_the_proof_is_what_the_graph_for_the_page_computes(bundle, tmp_path):
    proof, live = bundle.value("live/proof"), bundle.value("model").live
    graph = session(bundle, f"live/inverse/{proof.layer}/{proof.method}", tmp_path)
    layer = bundle.network.layers[proof.layer]
    seed = np.zeros((1, layer.maps, *layer.extent), np.float32)
    seed[0, proof.unit, proof.y, proof.x] = proof.value
    feeds = {live.input: floats(proof.image, (1, 3, SIDE, SIDE)), live.seed: seed}
    (pixels,) = graph.run([live.pixels], feeds)
    recorded = floats(proof.pixels, (1, 3, SIDE, SIDE))
    assert np.abs(recorded).max() > 0 and np.abs(pixels - recorded).max() <= 1e-5 * np.abs(recorded).max()
    json.dumps(encode(proof, {}))


@pytest.mark.parametrize("method", METHODS)
def test_graphs_of_all_methods_are_those_of_the_network(bundle, method, tmp_path, rng):
    x, layer = rng.normal(size=(2, 3, SIDE, SIDE)).astype(np.float32), bundle.layers[1]
    seed = rng.normal(size=(2, *layer.shape[1:])).astype(np.float32)
    graph = session(bundle, f"live/inverse/1/{method}", tmp_path)
    wanted = bundle.network.inverse(Policy(method)).project_seeds(x, "conv2", seed)
    (pixels,) = graph.run(["pixels"], {"image": x, "seed": seed})
    assert np.abs(pixels - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_the_forward_graph_gives_every_layer_and_the_scores(bundle, tmp_path, rng):
    x, live = rng.normal(size=(1, 3, SIDE, SIDE)).astype(np.float32), bundle.value("model").live
    graph = session(bundle, "live/forward", tmp_path)
    for layer in bundle.layers:
        (maps,) = graph.run([live.outputs[layer.name]], {live.input: x})
        assert maps == pytest.approx(bundle.network.activations(x, layer.name), rel=1e-4, abs=1e-5)
    (scores,) = graph.run([live.scores], {live.input: x})
    assert bundle.network.softmax(scores) == pytest.approx(bundle.network.probabilities(x), rel=1e-4)
    assert live.softmax and live.runtime == "1.2.3" and bundle.value("live/runtime") == {"wasm": "x"}


def test_weights_are_shipped_once_and_graphs_hold_none(bundle):
    heavy = [array for array in bundle.network.weights().values() if array.nbytes > 1024]
    weights = weights_of(bundle)
    assert heavy and all(weights.count(array.tobytes()) == 1 for array in heavy)
    names = [name for name in bundle.names() if name.startswith("live/inverse/")]
    assert len(names) == 2 * len(METHODS)
    assert all(array.tobytes() not in unpack(bundle.value(name)) for name in names for array in heavy)


def test_a_network_whose_weights_a_page_cannot_be_given_says_what_to_do(bundle):
    assert "more than 0.001 MB" in why_not_live(bundle.network, 0.001)
    assert "inspectnet explore" in why_not_live(bundle.network, 0.001)
    heavy = Bundle(bundle.network, bundle.index, page=Page("", {}, ""), live_most=0.001)
    assert heavy.value("model").live is None and "more than" in heavy.value("model").live_reason
    assert not any(name.startswith("live/") for name in heavy.names())
    with pytest.raises(KeyError):
        heavy.value("live/weights")


def test_no_other_graph_has_a_value(bundle):
    live = LivePart(bundle.network, list(bundle.numbered()), "")
    for name in ("live/inverse/1/x", "live/inverse/9/deconvnet", "live/", "live/../model"):
        with pytest.raises(KeyError):
            live.value(name)
