"""Whatever stands for an argument of a function of the door, it answers with a result or with one line."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from commands import noisy_photos, write_network
from faces import write_faces
from nets import CONV_AND_DENSE, random_weights

import inspectnet
from inspectnet.errors import InspectError, LayerError, OptionError
from inspectnet.geometry import Box

SIDE, EACH = 16, 7  # of so many values each argument gets one; all of them take a minute or two
FUNCTIONS = (
    "layers verify deconv diagnose selectivity explain sanity evaluate evolve invariance occlude correspond".split()
)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """By function the arguments of a call that goes well; and the folder of its files."""
    folder = tmp_path_factory.mktemp("door")
    shapes = dict(k=(4, 3, 3, 3), w1=(4, 6), w2=(6, 3))
    files = [
        write_network(folder / f"{n}.onnx", CONV_AND_DENSE, random_weights(n, **shapes), SIDE, ["a", "b", "c"])
        for n in range(2)
    ]
    net, other = (inspectnet.open(file, device="cpu") for file in files)
    photos = noisy_photos(folder / "photos", {f"{name}/{i}.png": (24, 20) for name in "abc" for i in range(2)})
    one, faces = photos / "a" / "0.png", write_faces(folder / "faces", count=2, side=48, seed=5)
    (folder / "empty").mkdir()
    run = dict(batch_size=16, threads=None)
    seen = dict(network=net, layers="conv1", images=photos, method="deconvnet", seed=0)
    return folder, {
        "layers": dict(network=net),
        "verify": seen | dict(images=one),
        "deconv": seen | run | dict(maps=2, units="", top=2, tile=None),
        "diagnose": run | dict(networks=[net], layers=["conv1"], images=photos, maps=2, bands=(0.15, 0.35), faint=0.1,
                               duplicate=0.9, seed=0),
        "selectivity": dict(network=net, layer="conv1", images=photos, methods="deconvnet", units=2, others=5,
                            labels=None, classes=None, seed=0, batch_size=16),
        "explain": dict(network=net, images=one, target=None, methods="gradient", classes=None),
        "sanity": dict(network=net, images=one, methods="gradient", repeats=1, seed=0),
        "evaluate": run | dict(networks=[net], images=photos, labels=None, classes=None, scores="", crops=1),
        "evolve": run | dict(networks=[net, other], layers="conv1", images=photos, epochs=[1, 2], maps=2, near=0.9,
                             method="deconvnet", compared=256, seed=0),
        "invariance": dict(network=net, layers="conv1", images=one, transforms={"translate": [-1, 0, 1]},
                           by_pixel=False, alike=False, distance="relative", direction="vertical", border="photo",
                           labels=None, classes=None, batch_size=16),
        "occlude": seen | dict(images=one, target=None, labels=None, classes=None, patch=8, stride=4, fill="grey",
                               by="sum", others=one, boxes=None, batch_size=None),
        "correspond": dict(network=net, layers="conv1", parts=faces, images=None, randoms=2, together=False,
                           permutations=9, fill="mean", tolerance=1e-6, seed=0, batch_size=16),
    }  # fmt: skip


def values(folder):
    """What a notebook may hold, and what nobody means."""
    mem = np.full((3, 20, 24, 3), 90, np.uint8)
    yield from (None, True, -1, 0, 1, 3.5, float("nan"), float("inf"), -0.5, 10**9, 10**30, np.int64(2), 2**63)
    yield from (np.float32(0.5), np.array(3), np.array([1, 2]), np.array(["a", "b"]), np.array([{}], object), 1j)
    yield from ("", "nope", "conv1", "é\n\x00", "*", ":", "conv1:999", "conv1:-1", "conv1@1,1", "gradient,gradient")
    yield from ("all", "smoothgrad:samples=0", "grad_cam:layer=nope", "deconvnet:unpool=x", "lrp:composite=zz")
    yield from ([], (), {}, set(), [None], [[]], ["conv1", None], [["conv1"]], [-1, -2], [1.5, 2], range(3), b"x")
    yield from ({"a": 1}, {"nope": [1, 2]}, {"translate": 5}, {"translate": [float("nan"), 1]}, {"translate": ["a"]})
    yield from ({"0.png": Box(12, 2, 2, 12)}, {"0.png": (1, 2, 3)}, object(), len, iter([]), (n for n in [None]))
    yield from (folder / "empty", folder / "nowhere", Path(), mem, mem[0], [mem[0], None], mem[:0], mem / 255)
    yield from (
        np.zeros((3, SIDE, SIDE), np.float32),
        np.zeros((2, 2, 2, 2, 2), np.uint8),
        np.zeros((1, 1, 3), np.uint8),
    )
    yield from (np.full((1, 3, SIDE, SIDE), np.nan, np.float32), np.datetime64("2020-01-01"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_hostile_argument_gives_a_result_or_one_line(name, base):
    folder, calls = base
    call, refused = getattr(inspectnet, name), 0
    for shift, argument in enumerate(calls[name]):
        for value in itertools.islice(values(folder), shift % EACH, None, EACH):
            try:
                call(**calls[name] | {argument: value})
            except InspectError as error:
                assert len(str(error).splitlines()) == 1, (argument, value)
                refused += 1
    assert refused


@pytest.mark.parametrize(
    ("name", "other", "error", "message"),
    [
        ("diagnose", {"duplicate": float("nan")}, OptionError, "duplicate is a number of 0 to 1, not nan"),
        ("diagnose", {"layers": ["nope"]}, LayerError, "no layer 'nope'"),
        ("diagnose", {"images": None}, OptionError, "layers are shown by what images excite"),
        ("diagnose", {"bands": ("a", 0.3)}, OptionError, r"bands is 2 of a number, not \('a', 0.3\)"),
        ("deconv", {"tops": 3}, OptionError, "deconv: got an unexpected keyword argument 'tops'. It takes network, "),
        ("deconv", {"layers": [np.zeros((2, 2))]}, OptionError, r"not \[array\(\[\[0\., 0\.\], \[0\., 0\.\]\]\)\]"),
        ("invariance", {"transforms": {"translate": ["a"]}}, OptionError, "each a number or a ndarray or None by name"),
        ("correspond", {"layers": []}, OptionError, "there is no layer"),
        ("explain", {"methods": "smoothgrad:samples=2:samples=3"}, OptionError, "given its samples twice"),
        ("explain", {"methods": "smoothgrad:samples=1000000000"}, OptionError, "a whole number, 1 to 10000"),
    ],
)
def test_what_is_refused_says_what_would_do(name, other, error, message, base):
    with pytest.raises(error, match=message):
        getattr(inspectnet, name)(**base[1][name] | other)


def test_photos_in_memory_are_evaluated_by_labels(base):
    call = base[1]["evaluate"] | {"images": np.zeros((3, 20, 24, 3), np.uint8), "labels": np.array([0, 1, 1])}
    result = inspectnet.evaluate(**call)
    assert result.accuracy.labels.tolist() == [0, 1, 1] and result.classes == ("a", "b", "c")
    with pytest.raises(OptionError, match="2 labels are not one for each of 3 photos"):
        inspectnet.evaluate(**call | {"labels": [0, 1]})


def test_a_generator_of_paths_is_as_good_as_a_list(base):
    _, calls = base
    one = calls["explain"]["images"]
    result = inspectnet.explain(**calls["explain"] | {"images": (path for path in [one])})
    assert [image.image for image in result.images] == ["0.png"]
