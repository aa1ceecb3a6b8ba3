"""The scan: what parts of a collection gave, merged anyhow, is what one pass gives, bit by bit."""

import itertools

import numpy as np
import pytest
from nets import FLAT, onnx_text, random_weights
from PIL import Image

import inspectnet
from inspectnet.errors import ImageError, ModelError
from inspectnet.geometry import Maxima
from inspectnet.images import Preparation, TenCrops, find_images
from inspectnet.scanning import Gather, Peaks, Sum, Top, scan

SIDE = 12
PREPARATION = Preparation((3, SIDE, SIDE), (0.5,) * 3, (0.25,) * 3, crop_pct=0.8)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("net") / "net.onnx"
    weights = random_weights(3, k1=(5, 3, 3, 3), k2=(4, 5, 2, 2), m=(100, 3))
    path.write_bytes(onnx_text(FLAT, weights, image=("N", 3, SIDE, SIDE)).SerializeToString())
    return inspectnet.open(path, device="cpu", preparation=PREPARATION, threads=1)


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    """34 photos of one to nine tiles, every third twice so that activations tie; every sixth cannot be read."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    photos = [rng.integers(0, 256, (*rng.integers(SIDE - 4, 4 * SIDE, 2), 3), np.uint8) for _ in range(34)]
    for at in range(34):
        Image.fromarray(photos[at - (at % 3 == 1)]).save(folder / f"{at:02}.png")
        if at % 6 == 5 or at in (0, 18):
            (folder / f"{at:02}.png").write_bytes(b"no image")
    (folder / "aaa.heic").touch()
    return find_images(folder)


class Pixels:
    """Asks for a few numbers and for a float64 array of each row."""

    def __init__(self, network):
        self.preparations = (network.preparation,)

    def __call__(self, rows):
        x = rows.inputs[self.preparations[0]]
        spectra = (np.abs(np.fft.fft2(image.astype(np.float64))) ** 2 for image in x)
        return {"means": np.stack([image.mean(axis=(1, 2)) for image in x]), "spectra": spectra}


def questions(network):
    """What is asked, and its accumulators, all new."""
    layers = [network.layer(name) for name in ("conv1", "conv2")]
    tops = {layer.output: Top(layer, 3) for layer in layers}
    sums = {"means": Gather(), "spectra": Sum()}
    return [(Peaks(network, layers), tops), (Pixels(network), sums)], [*tops.values(), *sums.values()]


def bits(accumulators):
    """All that accumulators give, as bytes."""
    results = [each.result() for each in accumulators]
    arrays = [[r] if isinstance(r, np.ndarray) else [r.values, r.keys, r.places] for r in results]
    return [(array.shape, np.ascontiguousarray(array).tobytes()) for group in arrays for array in group]


def merged(parts, rng):
    """Neighbours among lists of accumulators merged in random order until one list is left."""
    while len(parts) > 1:
        at = int(rng.integers(len(parts) - 1))
        later = parts.pop(at + 1)
        for mine, theirs in zip(parts[at], later, strict=True):
            mine.merge(theirs)
    return parts[0]


# Scans -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tile", [False, True])
def test_parts_of_a_collection_merge_to_the_bits_of_one_pass(tile, network, collection, rng):
    asked, accumulators = questions(network)
    whole = scan(collection, asked, tile=tile, batch_size=8)
    assert whole.count > 60 if tile else whole.count == 27
    assert len(whole.skipped) == 8
    for _ in range(12):
        ends = [0, *sorted(rng.integers(0, 35, rng.integers(1, 6)).tolist()), 34]
        parts = []
        for first, stop in itertools.pairwise(ends):
            how = {"batch_size": int(rng.integers(1, 12)), "threads": int(rng.integers(1, 4))}
            asked, mine = questions(network)
            parts.append([scan(collection, asked, tile=tile, part=range(first, stop), **how), *mine])
        seen, *mine = merged(parts, rng)
        assert bits(mine) == bits(accumulators), ends
        assert seen.keys.tobytes() == whole.keys.tobytes()
        assert (seen.digest, seen.skipped, seen.ids) == (whole.digest, whole.skipped, whole.ids)


def test_networks_that_want_photos_of_their_own_share_a_pass(network, collection):
    other = inspectnet.open(network.path, device="cpu", preparation={**PREPARATION.to_json(), "crop_pct": 1.0})
    networks = (network, other)
    alone, together = [], []
    for each in networks:
        asked, mine = questions(each)
        scan(collection, asked, batch_size=5)
        alone += mine
    opened, asked = [], []
    for each in networks:
        more, mine = questions(each)
        asked += more
        together += mine
    read = type(collection).open

    def count(self, index):
        opened.append(index)
        return read(self, index)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(collection), "open", count)
        scan(collection, asked, batch_size=5)
    assert bits(together) == bits(alone) and bits(alone[:4]) != bits(alone[4:])
    assert sorted(opened) == list(range(34))


def test_frames_for_ten_crops_are_an_input_like_others(network, collection):
    class Frames:
        preparations = (TenCrops(PREPARATION),)

        def __call__(self, rows):
            frames = rows.inputs[self.preparations[0]]
            return {"shapes": np.tile(frames.shape[1:], (len(frames), 1))}

    shapes = Gather()
    scan(collection, [(Frames(), {"shapes": shapes})])
    assert (shapes.result() == Frames.preparations[0].shape).all() and len(shapes.result()) == 27


def test_a_part_may_be_unreadable_but_not_all_images(network, collection):
    asked, mine = questions(network)
    seen = scan(collection, asked, part=range(0, 1))
    assert (seen.count, seen.entries, mine[-1].result()) == (0, 1, None)
    nothing = type(collection)(collection.source, collection.entries[:1])
    with pytest.raises(ImageError, match="none of the 1 images could be read"):
        scan(nothing, asked)


def test_an_activation_that_is_no_number_names_layer_network_and_image(tmp_path, collection):
    path = tmp_path / "sick.onnx"
    weights = random_weights(3, k1=(5, 3, 3, 3), k2=(4, 5, 2, 2), m=(100, 3)) | {"k1": np.full((5, 3, 3, 3), 3e38)}
    path.write_bytes(onnx_text(FLAT, weights, image=("N", 3, SIDE, SIDE)).SerializeToString())
    sick = inspectnet.open(path, device="cpu", preparation=PREPARATION)
    with pytest.raises(ModelError, match=r"conv2 of \S*sick.onnx is not a number \(NaN\) for the image 01.png"):
        scan(collection, [(Peaks(sick, [sick.layer("conv2")]), {})])


# Accumulators ----------------------------------------------------------------------------------------------


@pytest.fixture
def rows(rng):
    """Rows of 1 to 3 tiles of most of 200 entries: their keys, maxima with many ties, floats of all magnitudes."""
    entries = np.flatnonzero(rng.random(200) < 0.8)
    keys = np.array([(entry, 0, x) for entry in entries for x in range(rng.integers(1, 4))])
    values = rng.integers(-2, 6, (len(keys), 5)).astype(np.float32)
    floats = rng.normal(size=(len(keys), 4)) * 10.0 ** rng.integers(-12, 12, (len(keys), 4))
    return keys, Maxima(values, rng.integers(0, 5, (*values.shape, 2))), floats


def taken(kind, rows, network, chosen, sizes):
    """An accumulator of a kind that has taken in some of the rows, in batches of these sizes."""
    keys, maxima, floats = rows
    made = {"top": lambda: Top(network.layer("conv1"), 4), "sum": Sum, "gather": Gather}[kind]()
    while len(chosen):
        batch, chosen = np.split(chosen, [next(sizes)])
        answers = {"top": Maxima(maxima.values[batch], maxima.places[batch]), "sum": floats[batch]}
        made.update(keys[batch], answers.get(kind, floats[batch]))
    return made


@pytest.mark.parametrize("kind", ["top", "sum", "gather"])
def test_any_split_between_images_merged_in_any_grouping_gives_the_bits_of_one_pass(kind, rows, network, rng):
    every, entry = np.arange(len(rows[0])), rows[0][:, 0]
    one = bits([taken(kind, rows, network, every, itertools.repeat(len(every)))])
    for _ in range(60):
        ends = np.sort(rng.integers(0, 201, rng.integers(0, 9)))
        sizes = (int(n) for n in iter(lambda: rng.integers(1, 30), None))
        split = np.split(every, np.searchsorted(entry, ends))
        parts = [[taken(kind, rows, network, chosen, sizes)] for chosen in split]
        if rng.random() < 0.5:
            for part in parts:  # looking at it changes nothing
                part[0].result()
        assert bits(merged(parts, rng)) == one


def test_adding_parts_up_would_not_give_those_bits(rows):
    floats = rows[2]
    assert {(np.sum(floats[:n], axis=0) + np.sum(floats[n:], axis=0)).tobytes() for n in range(1, 9)} != {
        np.sum(floats, axis=0).tobytes()
    }


def test_a_sum_is_that_of_halves_of_halves_of_the_numbered_entries(rows):
    keys, _, floats = rows

    def tree(first, size):
        if size == 1:
            own = floats[keys[:, 0] == first]
            return sum(own[1:], own[0]) if len(own) else None
        halves = [half for at in (first, first + size // 2) if (half := tree(at, size // 2)) is not None]
        return sum(halves[1:], halves[0]) if halves else None

    total = Sum()
    total.update(keys, floats)
    assert total.result().tobytes() == tree(0, 256).tobytes()
    np.testing.assert_allclose(total.result(), floats.sum(axis=0), rtol=1e-9)


def test_a_sum_of_many_images_holds_few_arrays(rng):
    total = Sum()
    for entry in range(3, 5000):
        total.update(np.array([[entry, 0, 0]]), [np.ones(1)])
    assert len(total._nodes) < 2 * 13 and total.result() == 4997


def test_the_top_is_that_of_a_sort_by_value_and_then_by_place_in_the_collection(rows, network):
    keys, maxima, _ = rows
    ranking = taken("top", rows, network, np.arange(len(keys)), itertools.repeat(7)).result()
    for m in range(5):
        order = sorted(np.flatnonzero(maxima.values[:, m] > 0), key=lambda row: (-maxima.values[row, m], row))[:4]
        assert ranking.keys[m].tolist() == keys[order].tolist()
        assert ranking.values[m].tolist() == maxima.values[order, m].tolist()
        assert ranking.places[m].tolist() == maxima.places[order, m].tolist()
