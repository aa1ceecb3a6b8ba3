"""Top-1 and top-5 error: by hand, against a NumPy oracle, against torch, and the same however images are batched."""

import math

import numpy as np
import pytest
from nets import onnx_text
from PIL import Image

import inspectnet
from inspectnet.analyses.accuracy import Accuracy, Answers, ClassErrorRate, class_count, measure
from inspectnet.errors import ImageError, ModelError, OptionError
from inspectnet.images import Preparation, find_images, match_labels

SIDE, CLASSES = 16, 7
PLAIN = Preparation((3, SIDE, SIDE), (0.0,) * 3, (1.0,) * 3, crop_pct=1.0)
COLOURS = "a = Conv (image, k)\np = GlobalAveragePool (a)\ny = Flatten (p)"
SHAPES = {"k1": (6, 3, 3, 3), "k2": (CLASSES, 6, 2, 2)}
NET = "a = Conv <strides = [2, 2]> (image, k1)\nr = Relu (a)\nc = Conv (r, k2)\np = GlobalAveragePool (c)\n"
NET += "y = Flatten (p)"


def open_net(folder, body=COLOURS, name="net", batch="N", preparation=PLAIN, **weights):
    path = folder / f"{name}.onnx"
    path.write_bytes(onnx_text(body, weights, image=(batch, *preparation.input_size)).SerializeToString())
    return inspectnet.open(path, device="cpu", preparation=preparation)


def random_net(folder, seed=0, **options):
    rng = np.random.default_rng(seed)
    k1, k2 = rng.normal(size=(6, 3, 3, 3)), 4 * rng.normal(size=(CLASSES, 6, 2, 2))
    return open_net(folder, NET, f"net{seed}", k1=k1 - k1.mean((1, 2, 3), keepdims=True), k2=k2, **options)


def scaled_colours(folder, weights=None, **options):
    """Scores are the mean of each colour, 0 to 10."""
    weights = np.eye(3) * 10 if weights is None else weights
    return open_net(folder, k=np.asarray(weights)[:, :, None, None], **options)


def paint(folder, *colours):
    """One image of one colour each, in folders named 0, 1 ... as told by (class, colour)."""
    for i, (label, colour) in enumerate(colours):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (SIDE, SIDE), colour).save(folder / str(label) / f"{i}.png")
    return find_images(folder)


def noisy(folder, count=30, seed=3):
    """Photos of several sizes, smooth and filed at random."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        (folder / str(i % CLASSES)).mkdir(parents=True, exist_ok=True)
        noise = rng.integers(0, 256, (int(rng.integers(3, 6)), 4, 3), np.uint8)
        size = (int(rng.integers(14, 50)), int(rng.integers(14, 50)))
        Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(folder / str(i % CLASSES) / f"{i:02}.png")
    return find_images(folder)


def measured(networks, collection, **options):
    networks = networks if isinstance(networks, list) else [networks]
    targets = match_labels(collection, class_count(networks, options.get("layer", "")))
    return measure(networks, targets.collection, targets.classes, **options)[0]


def skipped_by(networks, collection):
    targets = match_labels(collection, class_count(networks))
    return [entry.id for entry in measure(networks, targets.collection, targets.classes)[1].skipped]


def softmax(scores):
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def same(one, two):
    assert one.images == two.images
    for a, b in zip(one.answers, two.answers, strict=True):
        np.testing.assert_array_equal(a.predicted, b.predicted)
        np.testing.assert_array_equal(a.rank, b.rank)
        np.testing.assert_allclose(a.loss, b.loss, rtol=1e-5, atol=1e-6)


# By hand ---------------------------------------------------------------------------------------------------


def test_a_network_that_names_the_strongest_colour_errs_as_one_can_count(tmp_path):
    red, green, olive, grey = (255, 0, 0), (0, 255, 0), (102, 153, 0), (51, 51, 51)
    collection = paint(tmp_path / "p", (0, red), (0, olive), (1, green), (2, green), (2, grey))
    found = measured(scaled_colours(tmp_path), collection)
    (answers,) = found.answers
    assert found.labels.tolist() == [0, 0, 1, 2, 2]
    assert answers.predicted.tolist() == [0, 1, 1, 1, 0]
    # olive: green 6, red 4, blue 0; green is right; of green, red goes before blue; grey has three equals
    assert answers.rank.tolist() == [0, 1, 0, 2, 2]
    assert (answers.error(), answers.error(2), answers.error(3), answers.error(5)) == (60, 40, 0, 0)
    scores = np.array([[10, 0, 0], [4, 6, 0], [0, 10, 0], [0, 10, 0], [2, 2, 2]])
    losses = [-math.log(softmax(row)[label]) for row, label in zip(scores, found.labels, strict=True)]
    np.testing.assert_allclose(answers.loss, losses, atol=1e-6)
    assert found.confusion(answers).tolist() == [[1, 1, 0], [0, 1, 0], [1, 1, 0]]
    assert found.cells(answers).tolist() == [[0, 0, 1], [0, 1, 1], [1, 1, 1], [2, 0, 1], [2, 1, 1]]
    assert found.by_class(answers, "abc") == (
        ClassErrorRate("a", 0, 2, 50, 0, "b"),
        ClassErrorRate("b", 1, 1, 0, 0, None),
        ClassErrorRate("c", 2, 2, 100, 0, "a"),
    )


def test_the_five_best_of_many_classes(tmp_path):
    """Class k scores -k times the image's red: the order is known, and so is the rank of each class."""
    weights = np.zeros((8, 3))
    weights[:, 0] = -np.arange(8)
    collection = paint(tmp_path / "p", *((k, (255, 0, 0)) for k in range(8)))
    found = measured(scaled_colours(tmp_path, weights), collection)
    (answers,) = found.answers
    assert answers.rank.tolist() == list(range(8))
    assert (answers.error(), answers.error(5)) == (87.5, 37.5)
    assert [rate.top5_error for rate in found.by_class(answers, "abcdefgh")] == [0] * 5 + [100] * 3


def test_the_most_frequent_wrong_answer_is_told_and_the_first_of_equals():
    predicted, labels = np.array([1, 2, 2, 0, 3, 1, 3, 2]), np.array([0, 0, 0, 0, 1, 2, 2, 2])
    answers = Answers(predicted, (predicted != labels).astype(np.int64), np.zeros(8))
    found = Accuracy(tuple("abcdefgh"), labels, 4, (answers,))
    assert [(rate.name, rate.taken_for) for rate in found.by_class(answers, "abcd")] == [
        ("a", "c"),
        ("b", "d"),
        ("c", "b"),
    ]
    assert found.confusion(answers).sum() == 8 and found.confusion(answers)[0].tolist() == [1, 1, 2, 0]


def test_pairs_are_confused_most_by_their_images_and_then_by_how_unlikely_the_truth_was_found():
    predicted, labels = np.array([1, 1, 2, 0, 3, 0]), np.array([0, 0, 0, 1, 1, 0])
    answers = Answers(predicted, np.zeros(6, np.int64), np.array([1.0, 1, 2, 5, 3, 9]))
    found = Accuracy(tuple("abcdef"), labels, 4, (answers,))
    assert found.confused(answers, 3) == [(0, 1, [0, 1]), (1, 0, [3]), (1, 3, [4])]


def test_equal_scores_go_to_the_class_that_comes_first(tmp_path):
    collection = paint(tmp_path / "p", *((k, (0, 0, 255)) for k in range(7)))
    weights = np.zeros((7, 3))
    weights[[2, 4], 2] = 1
    (answers,) = measured(scaled_colours(tmp_path, weights), collection).answers
    assert answers.predicted.tolist() == [2] * 7
    assert answers.rank.tolist() == [2, 3, 0, 4, 1, 5, 6]


def test_scores_far_apart_do_not_become_equal(tmp_path):
    """Their probabilities would all be zero, even in float64."""
    weights = np.zeros((6, 3))
    weights[:, 0] = -1000 * np.arange(6)[::-1]
    (answers,) = measured(scaled_colours(tmp_path, weights), paint(tmp_path / "p", (0, (255, 0, 0)))).answers
    assert (answers.rank.tolist(), answers.loss.tolist()) == ([5], [5000])


# Against oracles -------------------------------------------------------------------------------------------


def oracle(networks, collection):
    """Mean probabilities (N, K) by the networks' own activations, image by image."""
    preparation = networks[0].preparation
    x = np.stack([preparation.apply(np.asarray(Image.open(entry.path))) for entry in collection])
    probabilities = [softmax(n.values(x, ["y"])["y"].astype(np.float64)) for n in networks]
    return np.mean(probabilities, axis=0)


@pytest.fixture
def collection(tmp_path):
    return noisy(tmp_path / "photos")


def check_against(probabilities, answers, labels):
    order = np.argsort(-probabilities, axis=1, kind="stable")
    np.testing.assert_array_equal(answers.predicted, order[:, 0])
    np.testing.assert_array_equal(answers.rank, (order == labels[:, None]).argmax(1))
    np.testing.assert_allclose(answers.loss, -np.log(probabilities[np.arange(len(labels)), labels]), rtol=1e-5)


def test_an_ensemble_is_the_mean_of_the_probabilities(tmp_path, collection):
    networks = [random_net(tmp_path, seed) for seed in range(3)]
    found = measured(networks, collection)
    assert len(found.answers) == 4
    for i, network in enumerate(networks):
        check_against(oracle([network], collection), found.answers[i], found.labels)
    check_against(oracle(networks, collection), found.answers[3], found.labels)
    assert len({tuple(answers.predicted) for answers in found.answers}) == 4, "they ought to disagree"


def test_models_of_an_ensemble_may_want_photos_of_their_own(tmp_path, collection):
    other = Preparation((3, 12, 20), (0.5,) * 3, (0.2,) * 3, crop_pct=0.8, channel_order="bgr")
    networks = [random_net(tmp_path, 0), random_net(tmp_path, 1, preparation=other), random_net(tmp_path, 2)]
    found = measured(networks, collection, batch_size=4)
    mean = np.mean([oracle([network], collection) for network in networks], axis=0)
    check_against(mean, found.answers[3], found.labels)


def test_a_softmax_in_the_graph_is_not_taken_twice(tmp_path, collection):
    weights = {name: np.random.default_rng(1).normal(size=shape) for name, shape in SHAPES.items()}
    bare = open_net(tmp_path, NET, "bare", **weights)
    body = NET.replace("y = Flatten (p)", "f = Flatten (p)\ny = Softmax (f)")
    done = open_net(tmp_path, body, "done", **weights)
    other = random_net(tmp_path, 5)
    same(measured([bare, other], collection), measured([done, other], collection))


def test_ten_crops_are_the_mean_of_their_probabilities(tmp_path, collection):
    network = random_net(tmp_path, preparation=Preparation((3, 13, 13), (0.5,) * 3, (0.2,) * 3, crop_pct=0.8))
    (answers,) = measured(network, collection, crops=10).answers
    rows = [network.values(ten_by_pillow(entry.path), ["y"])["y"].astype(np.float64) for entry in collection]
    labels = np.array([int(label) for label in collection.labels])
    check_against(np.stack([softmax(row).mean(0) for row in rows]), answers, labels)


def ten_by_pillow(path):
    """Crops of 13 from the frame of 16, which is the middle of the photo so that the crop in its middle is too."""
    with Image.open(path) as image:
        short = min(image.size)
        image = image.resize([int(16 * side / short) for side in image.size], Image.Resampling.BILINEAR)
    x, y = (round((side - 13) / 2) - 2 for side in image.size)
    corners = [(x + dx, y + dy) for dx, dy in ((0, 0), (3, 0), (0, 3), (3, 3), (2, 2))]
    five = [np.asarray(image.crop((left, top, left + 13, top + 13))) for left, top in corners]
    ten = np.stack([*five, *(crop[:, ::-1] for crop in five)])
    return ((ten / 255 - 0.5) / 0.2).transpose(0, 3, 1, 2).astype(np.float32)


@pytest.mark.parametrize("name", ["alexnet", "squeezenet"])
def test_the_answers_are_torchs_image_by_image(name, exported, tmp_path, collection):
    import torch

    net, x, path = exported(name)
    preparation = Preparation(tuple(x.shape[1:]), (0.5,) * 3, (0.25,) * 3)
    network = inspectnet.open(path, device="cpu", preparation=preparation)
    found = measured(network, collection)
    prepared = np.stack([preparation.apply(np.asarray(Image.open(entry.path))) for entry in collection])
    with torch.no_grad():
        scores = net(torch.from_numpy(prepared))
    labels, (answers,) = torch.from_numpy(found.labels), found.answers
    assert answers.predicted.tolist() == scores.argmax(1).tolist()
    assert (answers.rank < 5).tolist() == (scores.topk(5).indices == labels[:, None]).any(1).tolist()
    losses = torch.nn.functional.cross_entropy(scores, labels, reduction="none")
    np.testing.assert_allclose(answers.loss, losses.numpy(), rtol=1e-3, atol=1e-4)


# Streams and batches ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("crops", [1, 10])
@pytest.mark.parametrize("batch_size, threads", [(1, 1), (7, 2), (100, 4)])
def test_batches_and_threads_do_not_matter(batch_size, threads, crops, tmp_path, collection):
    preparation = Preparation((3, SIDE, SIDE), (0.5,) * 3, (0.2,) * 3)
    networks = [random_net(tmp_path, seed, preparation=preparation) for seed in range(2)]
    wanted = measured(networks, collection, crops=crops)
    same(measured(networks, collection, crops=crops, batch_size=batch_size, threads=threads), wanted)


def test_a_graph_that_insists_on_a_batch_size_gives_the_same(tmp_path, collection):
    weights = {name: np.random.default_rng(1).normal(size=shape) for name, shape in SHAPES.items()}
    body = NET.replace("y = Flatten (p)", "f = Flatten (p)\ny = Add (f, zeros)")
    fixed = open_net(tmp_path, body, "fixed", batch=4, zeros=np.zeros((4, CLASSES)), **weights)
    assert fixed.fixed_batch == 4
    same(measured(fixed, collection, batch_size=16), measured(open_net(tmp_path, NET, "free", **weights), collection))


def test_progress_counts_every_image_once(tmp_path, collection):
    calls = []
    networks = [random_net(tmp_path, 0), random_net(tmp_path, 1)]
    measured(networks, collection, advance=calls.append)
    assert calls == [1] * 30


def test_what_cannot_be_read_is_left_out_for_all_models_and_named(tmp_path, collection):
    networks = [random_net(tmp_path, 0), random_net(tmp_path, 1)]
    wanted = measured(networks, collection)
    (tmp_path / "photos" / "0" / "000.png").write_text("no image")
    (tmp_path / "photos" / "6" / "empty.jpg").write_bytes(b"")
    found = measured(networks, find_images(tmp_path / "photos"), batch_size=5)
    assert skipped_by(networks, find_images(tmp_path / "photos")) == ["0/000.png", "6/empty.jpg"]
    assert found.images == wanted.images
    for a, b in zip(found.answers, wanted.answers, strict=True):
        np.testing.assert_array_equal(a.rank, b.rank)
    np.testing.assert_array_equal(found.labels, wanted.labels)


def test_a_photo_that_one_model_cannot_take_is_left_out_for_all(tmp_path, collection, monkeypatch):
    """A photo of 1 x 300 would become 40 x 12000 pixels, of which the test allows fewer."""
    monkeypatch.setattr("inspectnet.images.fit.ELONGATED", 150_000)
    Image.new("RGB", (300, 1)).save(tmp_path / "photos" / "0" / "wide.png")
    large = Preparation((3, 40, 40), (0.5,) * 3, (0.2,) * 3, crop_pct=1.0)
    networks = [random_net(tmp_path, 0), random_net(tmp_path, 1, preparation=large)]
    found = measured(networks, find_images(tmp_path / "photos"), batch_size=1)
    assert skipped_by(networks, find_images(tmp_path / "photos")) == ["0/wide.png"]
    assert len(found.images) == len(found.labels) == 30
    assert skipped_by(networks[:1], find_images(tmp_path / "photos")) == []


# Refusals --------------------------------------------------------------------------------------------------


def test_if_nothing_can_be_read_the_first_reason_is_told(tmp_path):
    (tmp_path / "p" / "0").mkdir(parents=True)
    (tmp_path / "p" / "0" / "a.png").write_text("no image")
    with pytest.raises(ImageError, match=r"none of the 1 images could be read; the first, 0/a\.png: cannot read"):
        measured(scaled_colours(tmp_path), find_images(tmp_path / "p"))


@pytest.mark.parametrize("crops", [1, 10])
def test_scores_that_are_no_numbers_name_the_image(crops, tmp_path):
    """The square root of what is below zero: only of the image that is brighter than the others."""
    body = "a = Conv (image, k)\nd = Sub (half, a)\nr = Sqrt (d)\np = GlobalAveragePool (r)\ny = Flatten (p)"
    weights = {"k": np.eye(3)[:, :, None, None], "half": np.float32(0.5)}
    preparation = Preparation((3, SIDE, SIDE), (0.0,) * 3, (1.0,) * 3, crop_pct=0.8)
    network = open_net(tmp_path, body, preparation=preparation, **weights)
    dark = [(0, (9, 9, 9)), (1, (9, 8, 7)), (2, (200, 9, 9)), (2, (3, 3, 3))]
    with pytest.raises(
        ModelError, match=r"net\.onnx answers the image 2/2\.png with NaN or infinity\. Check the model"
    ):
        measured(network, paint(tmp_path / "p", *dark), crops=crops, batch_size=30)


def test_models_that_tell_apart_different_numbers_of_classes_are_refused(tmp_path, collection):
    networks = [random_net(tmp_path), scaled_colours(tmp_path)]
    with pytest.raises(
        OptionError, match=r"net0\.onnx tells 7 classes apart, but .*net\.onnx 3\. Evaluate them one by"
    ):
        measured(networks, collection)


def test_any_other_number_of_crops_is_refused(tmp_path, collection):
    with pytest.raises(OptionError, match=r"cut into 1 crop or into 10, not 5"):
        measured(random_net(tmp_path), collection, crops=5)
    with pytest.raises(OptionError, match=r"Say --crop-pct"):
        measured(random_net(tmp_path), collection, crops=10)


def test_two_networks_are_compared_image_by_image():
    """Of 100 images both err on 40, one alone on 12, the other alone on 2: 10 points, and the 40 say nothing."""
    rank = np.zeros((2, 100), np.int64)
    rank[:, :40] = 9
    rank[0, 40:52] = rank[1, 52:54] = 9
    answers = tuple(Answers(each, each, each.astype(float)) for each in rank)
    found = Accuracy(("",) * 100, np.zeros(100, np.int64), 10, answers)
    (apart,) = found.differences()
    assert apart.pair == (0, 1) and apart.points.value == pytest.approx(10)
    reach = 1.96 * np.sqrt((14 - 100 * 0.1**2) / 100 / 100) * 100
    assert (apart.points.low, apart.points.high) == pytest.approx((10 - reach, 10 + reach), abs=1.1)
    assert apart.p == pytest.approx(2 * (1 + 14 + 91) / 2**14, abs=0.003)  # of 14 coins 2 or fewer, or 12 or more
