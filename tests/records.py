"""Small results of every command, and edits of their records as somebody makes them by hand."""

import json

import numpy as np
from commands import noisy_photos, write_network
from faces import write_faces
from nets import CONV_AND_DENSE, random_weights

import inspectnet
from inspectnet.geometry import Box
from inspectnet.results import Model, Provenance

SIDE = 16


def about(models=1):
    """The provenance of a result that a test makes by hand."""
    return Provenance((Model("m.onnx", "0" * 64, None),) * models, None, {}, "cpu", {})


def all_results(folder):
    """By command a small result of it."""
    shapes = dict(k=(4, 3, 3, 3), w1=(4, 6), w2=(6, 3))
    files = [
        write_network(folder / f"{n}.onnx", CONV_AND_DENSE, random_weights(n, **shapes), SIDE, ["a", "b", "c"])
        for n in range(2)
    ]
    net, other = (inspectnet.open(file, device="cpu") for file in files)
    photos = noisy_photos(folder / "photos", {f"{name}/{i}.png": (24, 20) for name in "abc" for i in range(3)})
    one, methods = photos / "a" / "0.png", "gradient,grad_cam:layer=conv1"
    faces = write_faces(folder / "faces", count=2, side=48, seed=5)
    shifts = {"translate": [-1, 0, 1], "rotate": [0, 30]}
    made = [
        inspectnet.layers(net),
        inspectnet.scan(net, photos, folder / "index"),
        inspectnet.activations(net, "conv1", photos, folder / "activations"),
        inspectnet.verify(net, "conv1", one),
        inspectnet.deconv(net, "conv1", photos, maps=2, top=2),
        inspectnet.diagnose([net, other], ["conv1"], photos, maps=2),
        inspectnet.selectivity(net, "conv1", photos, methods="deconvnet,gradient"),
        inspectnet.explain(net, one, methods=methods),
        inspectnet.sanity(net, one, methods=methods),
        inspectnet.evaluate([net, other], photos),
        inspectnet.evolve([net, other], ["conv1"], photos, epochs=[1, 2], maps=2),
        inspectnet.invariance(net, "conv1", photos, transforms=shifts),
        inspectnet.occlude(net, "conv1", one, patch=8, stride=4, boxes={"0.png": Box(2, 2, 12, 12)}, others=photos),
        inspectnet.correspond(net, "conv1", faces, randoms=2, permutations=9),
    ]
    return {result.command: result for result in made}


def edits(told, arrays, path=()):
    """What somebody makes of a part of a record: (where, what, the part, the arrays)."""
    if isinstance(told, dict) and "array" in told and told["array"] in arrays:
        key = told["array"]
        for what, array in array_edits(arrays[key]):
            new = {"array": key, "shape": list(array.shape), "dtype": str(array.dtype)}
            yield path, what, new, {**arrays, key: array}
        return
    for what, new in plain_edits(told):
        yield path, what, new, arrays
    if isinstance(told, dict):
        parts = list(told.items())
    else:
        parts = list(enumerate(told))[:1] if isinstance(told, list) else []
    for key, part in parts:
        for where, what, new, others in edits(part, arrays, (*path, key)):
            whole = told.copy()
            whole[key] = new
            yield where, what, whole, others


def plain_edits(told):
    """Other values in the place of one."""
    yield from (("null", None), ("a text", "x"), ("a number", 7), ("a list", []), ("an object", {}))
    if isinstance(told, int | float):
        yield from ((f"{other}", other) for other in (-1, 0, 10**6, 10**30, float("nan"), float("inf"), 0.5))
    if isinstance(told, list) and told:
        yield from (("one less", told[1:]), ("twice", told * 2))
    if isinstance(told, dict) and told:
        yield "one less", dict(list(told.items())[1:])


def array_edits(array):
    """Other arrays in the place of one."""
    for axis in range(array.ndim):
        yield f"one less along {axis}", array.take(range(1, array.shape[axis]), axis)
        yield f"twice along {axis}", np.concatenate([array, array], axis)
        yield f"nothing along {axis}", array.take([], axis)
    yield "one axis more", array[None]
    yield "complex", array.astype(np.complex128)
    yield "a text", array.astype(str)
    if array.dtype.kind == "f":
        yield from ((f"{n}", np.full_like(array, n)) for n in (np.nan, np.inf, 0, 1e30))
    if array.dtype.kind == "i":
        yield from ((f"{n}", np.full_like(array, n)) for n in (-1, 10**6))


def write(folder, told, arrays):
    """A folder with the record and the arrays."""
    folder.mkdir(exist_ok=True)
    (folder / "result.json").write_text(json.dumps(told))
    np.savez(folder / "arrays.npz", **arrays)
    return folder
