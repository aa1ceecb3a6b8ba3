"""inspectnet explain, sanity, selectivity: what they make, the same bytes twice, and what they refuse in one line."""

import json

import numpy as np
import pytest
from commands import check_result, contents, done, noisy_photos, refused, write_network
from nets import TWO_CONVS, random_weights
from PIL import Image

import inspectnet
from inspectnet.classes import find_class
from inspectnet.errors import OptionError
from inspectnet.figures.encoding import encode
from inspectnet.methods import METHODS

SIDE = 24
NET = f"{TWO_CONVS}\ny = Gemm (f, w)"
NAMES = ("red deer", "green lizard", "blue whale", "roe deer")


@pytest.fixture
def model(tmp_path):
    weights = random_weights(0, k1=(5, 3, 3, 3), k2=(6, 5, 3, 3), w=(6, 4))
    return write_network(tmp_path / "tiny.onnx", NET, weights, SIDE, NAMES)


@pytest.fixture
def photos(tmp_path):
    sizes = {f"{name}/{j}.png": (40 + i, 50 - j) for i, name in enumerate(NAMES[:3]) for j in range(2)}
    return noisy_photos(tmp_path / "photos", sizes)


# Explain ---------------------------------------------------------------------------------------------------


def test_explain_writes_a_page_a_picture_for_each_method_and_the_arrays(model, photos, tmp_path, capsys):
    out = tmp_path / "out"
    said, _ = done(capsys, "explain", model, photos, "-o", out)
    title, headings, *rows, left, why, count, first = said.splitlines()
    assert title == "18 explanations, of 6 images by guided_backprop, gradient, grad_cam"
    assert (headings.split(), count) == (["image", "class", "probability"], f"19 pictures in {out}, the first:")
    assert first == f"-> {out / 'explain.png'}" and len(rows) == 6
    assert left == "left out: deconvnet (-m deconvnet asks for it), for"
    assert why == "  the global pool spreads the signal of a class evenly over all places"
    explained = [image.explained for image in inspectnet.load(out).images]
    assert [row.split()[-2] for row in rows] == [f"{100 * told.probability:.0f}" for told in explained]
    methods = ["guided_backprop", "gradient", "grad_cam"]
    names = [f"{n.replace(' ', '_')}_{i}" for n in NAMES[:3] for i in range(2)]
    files = {"explain.png", "arrays.npz", "result.json"} | {f"{n}-{m}.png" for n in names for m in methods}
    assert set(contents(out)) == files
    found, network = check_result(out), inspectnet.open(model, device="cpu")
    values = {name: one.values for name, one in found.attributions.items()}
    assert values["grad_cam"].shape == (6, 9, 9) and values["gradient"].shape == (6, 3, SIDE, SIDE)
    x = np.stack([network.preparation.normalise(photo) for photo in found.photos])
    classes = found.probabilities.argmax(axis=1)
    np.testing.assert_array_equal([image.explained.number for image in found.images], classes)
    np.testing.assert_allclose(values["gradient"], inspectnet.Gradient(network).attribute(x, classes), atol=1e-6)
    with Image.open(out / f"{names[0]}-grad_cam.png") as drawn:
        assert drawn.size == (SIDE, SIDE)


def test_the_record_tells_class_method_and_layer(model, photos, tmp_path, capsys):
    said, _ = done(capsys, "explain", model, photos / "red deer", "-c", "whale", "-m",
                   "layer_cam:layer=conv1,smoothgrad:samples=2", "-o", tmp_path / "out", "--json")  # fmt: skip
    record = json.loads(said)
    assert record == json.loads((tmp_path / "out" / "result.json").read_text())
    used = record["result"]["attributions"]
    assert (used["layer_cam"]["options"], used["layer_cam"]["layer"]) == ({"layer": "conv1"}, "conv1")
    assert (used["smoothgrad"]["options"], used["smoothgrad"]["layer"]) == (
        {"samples": 2, "noise": 0.15, "seed": 0}, None
    )  # fmt: skip
    (first, _) = record["result"]["images"]
    explained = first["explained"]
    assert (first["image"], explained["number"], explained["name"]) == ("0.png", 2, "blue whale")
    assert 0 < explained["probability"] <= first["top1"]["probability"] < 1
    assert (record["models"][0]["name"], record["options"]["scores"]) == ("tiny.onnx", "y")
    assert record["options"]["target"] == 2 and record["images"]["count"] == 2


def test_all_that_the_command_does_python_does(model, photos, tmp_path, capsys):
    """The same result, to the bit; methods may be made beforehand, the same one with several options."""
    done(capsys, "explain", model, photos, "-c", "whale", "-m", "gradient,grad_cam:layer=conv1", "-o", tmp_path / "out")
    network = inspectnet.open(model)
    made = [inspectnet.Gradient(network), inspectnet.GradCam(network, layer="conv1")]
    for methods in ("gradient,grad_cam:layer=conv1", made):
        result = inspectnet.explain(network, photos, target="whale", methods=methods)
        saved = inspectnet.save(result, tmp_path / "python", force=True)
        same, other = (dict(np.load(folder / "arrays.npz")) for folder in (saved, tmp_path / "out"))
        assert same.keys() == other.keys() and all(np.array_equal(same[name], other[name]) for name in same)
    assert inspectnet.plot(result).get_size_inches()[0] > inspectnet.plot(result, "red_deer_0-gradient").get_figwidth()
    two = [inspectnet.SmoothGrad(network, samples=2, noise=noise) for noise in (0.1, 0.3)]
    found = inspectnet.explain(network, photos, methods=two)
    assert list(found.attributions) == [
        "smoothgrad:samples=2:noise=0.1:seed=0",
        "smoothgrad:samples=2:noise=0.3:seed=0",
    ]
    assert "Explanation of tiny.onnx over 6 images" in repr(found)


def test_python_takes_photos_in_memory_and_several_sources(model, photos):
    network, files = inspectnet.open(model), sorted(photos.rglob("*.png"))
    pixels = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    held, several = (
        inspectnet.explain(network, images, methods="gradient", target=2)
        for images in (pixels, [photos / name for name in NAMES[:3]])
    )
    wanted = inspectnet.explain(network, photos, methods="gradient", target=2).attributions["gradient"].values
    np.testing.assert_array_equal(held.attributions["gradient"].values, wanted)
    assert len(several.images) == 6 and [image.image for image in held.images] == list("012345")
    sane = inspectnet.sanity(network, pixels[:2], methods="gradient")
    assert sane.methods["gradient"].similarity.shape == (3, 1, 4, 2)


def test_methods_that_explain_something_else_are_refused(model, photos):
    network, other = inspectnet.open(model), inspectnet.open(model)
    for methods, why in (
        ([inspectnet.Gradient(other)], "gradient was made to explain classes of"),
        ([inspectnet.Gradient(network, layer="conv2")], "gradient was made to explain units of conv2, not classes of"),
        ([], "there is no method"),
    ):
        with pytest.raises(OptionError, match=why):
            inspectnet.explain(network, photos, methods=methods)


def test_a_baseline_that_is_an_image_is_told_by_its_hash(model, photos, tmp_path):
    network = inspectnet.open(model)
    method = inspectnet.IntegratedGradients(network, steps=2, baseline=np.full((3, 1, 1), 0.5, np.float32))
    found = inspectnet.explain(network, photos, methods=[method])
    assert found.about.options["methods"]["integrated_gradients"]["baseline"].startswith("array (3, 1, 1) float32, sha")
    assert check_result(inspectnet.save(found, tmp_path / "out")).attributions.keys() == {"integrated_gradients"}


def test_a_method_by_which_nothing_came_down_is_named(photos, tmp_path, capsys):
    dead = random_weights(0, k1=(5, 3, 3, 3), k2=(6, 5, 3, 3)) | {"w": np.zeros((6, 4), np.float32)}
    write_network(tmp_path / "dead.onnx", NET, dead, SIDE, NAMES)
    said, _ = done(capsys, "explain", tmp_path / "dead.onnx", photos / "red deer" / "0.png", "-m", "gradient,grad_cam",
                   "-o", tmp_path / "out", "--json")  # fmt: skip
    assert json.loads(said)["result"]["images"][0]["blank"] == ["gradient", "grad_cam"]


def test_all_methods_can_be_asked_for_and_give_the_same_bytes_twice(model, photos, tmp_path, capsys):
    cheap = {"integrated_gradients": "integrated_gradients:steps=2", "smoothgrad": "smoothgrad:samples=2"}
    methods = ",".join(cheap.get(name, name) for name in METHODS)
    for name in ("one", "two"):
        done(capsys, "explain", model, photos, "-m", methods, "-o", tmp_path / name)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert {f"attributions.{name}.values" for name in METHODS} <= set(np.load(tmp_path / "one" / "arrays.npz"))


def test_more_photos_than_fit_on_a_page_are_left_out_and_that_is_said(model, photos, tmp_path, capsys):
    for i in range(20):
        (photos / "0.png").parent.joinpath(f"more{i:02}.png").write_bytes((photos / NAMES[0] / "0.png").read_bytes())
    _, said = done(capsys, "explain", model, photos, "-m", "gradient", "-o", tmp_path / "out")
    assert said == [f"16 of 26 images in {photos}, evenly spaced"]
    assert len(inspectnet.load(tmp_path / "out").images) == 16


def test_a_photo_that_cannot_be_read_is_named_and_left_out(model, photos, tmp_path, capsys):
    (photos / "broken.png").write_bytes(b"no image")
    _, said = done(capsys, "explain", model, photos, "-m", "gradient", "-o", tmp_path / "out")
    assert len(said) == 1 and said[0].startswith("skipped broken.png: ")
    line = refused(capsys, "explain", model, photos / "broken.png", "-o", tmp_path / "no")
    assert "none of the 1 images" in line and not (tmp_path / "no").exists()


def test_class_names_may_come_from_a_file_and_bgr_networks_keep_their_colours(model, photos, tmp_path, capsys):
    table = tmp_path / "names.tsv"
    table.write_text("".join(f"n0000000{i}\t{name}\n" for i, name in enumerate(NAMES)))
    photo = photos / NAMES[0] / "0.png"
    options = ("-m", "gradient", "-c", "n00000003", "--classes", table, "--channel-order", "bgr")
    done(capsys, "explain", model, photo, *options, "-o", tmp_path / "out")
    found = check_result(tmp_path / "out")
    assert found.images[0].explained.name == "roe deer"
    signal = found.attributions["gradient"].values[0]
    with Image.open(tmp_path / "out" / "0-gradient.png") as image:
        drawn = np.asarray(image).astype(float) - 128
    assert np.corrcoef(drawn[..., 0].ravel(), signal[2].ravel())[0, 1] > 0.99


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("-m", "gradcam"), "no method 'gradcam'. Did you mean grad_cam"),
        (("-m", " , "), "no method in ' , '."),
        (("-m", "input_x_gradient:layer=conv1"), "input_x_gradient has no option 'layer'. It takes no options."),
        (("-m", "grad_cam:layer=conv9"), "no layer 'conv9'."),
        (("-m", "grad_cam:layer=fc3"), "fc3 has no extent"),
        (("-c", "lizzard"), "no class 'lizzard'. Did you mean green lizard"),
        (
            ("-c", "deer"),
            "'deer' is part of the names of 2 classes: red deer (0), roe deer (3). Say which by its number.",
        ),
        (("-c", ""), "no class ''."),
        (("-c", "4"), "no class '4'. They have the numbers 0 to 3."),
        (("-c", "zzz"), "no class 'zzz'. They have the numbers 0 to 3."),
    ],
)
def test_explain_refuses_what_does_not_exist_in_one_line(options, line, model, photos, tmp_path, capsys):
    assert line in refused(capsys, "explain", model, photos, *options, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("tabby", 0),
        ("TABBY", 0),
        ("tabby cat", 1),
        ("cat", 4),
        ("1", 1),
        ("3", 3),
        ("lynx", 3),
        (" n002 ", 2),
        ("siam", 2),
    ],
)
def test_a_class_is_its_name_then_its_number_then_a_part_of_its_name(text, number):
    names = [("tabby",), ("tabby cat",), ("n002", "Siamese"), ("lynx",), ("cat",)]
    assert find_class(text, names) == number


def test_a_whole_word_of_a_name_goes_before_a_part_of_a_word():
    names = [("mixing bowl",), ("great grey owl, Strix nebulosa",), ("soup bowl",), ("owlet",), ("c++",)]
    assert (find_class("owl", names), find_class("Owlet", names), find_class("c+", names)) == (1, 3, 4)
    with pytest.raises(OptionError, match=r"'bowl' is part of the names of 2 classes: mixing bowl \(0\), soup bowl"):
        find_class("bowl", names)


def test_a_name_goes_before_a_number_and_an_empty_text_means_nothing():
    assert find_class("1", [("1",), ("0",)]) == 0
    with pytest.raises(OptionError, match="no class ''"):
        find_class("", [("a",), ("b",)])


# Sanity ----------------------------------------------------------------------------------------------------


def test_sanity_writes_curves_numbers_and_arrays_and_prints_a_table(model, photos, tmp_path, capsys):
    out = tmp_path / "out"
    said, _ = done(capsys, "sanity", model, photos, "-m", "gradient,grad_cam", "--repeats", 2, "-o", out)
    lines = said.splitlines()
    assert lines[0] == "6 images, 6 layers shuffled, 3 for each of 2 times"
    assert [line.split()[0] for line in lines[2:4]] == ["gradient", "grad_cam"]
    assert set(contents(out)) == {"sanity.png", "explanations.png", "result.json", "arrays.npz"}
    found = check_result(out)
    assert found.layers == ("fc3", "conv2", "conv1")
    gradient = found.methods["gradient"]
    assert gradient.similarity.shape == (3, 2, 4, 6)
    np.testing.assert_allclose(gradient.rank, gradient.similarity[0].mean(axis=(0, 2)))
    assert gradient.rank[0] == pytest.approx(1) and abs(gradient.rank[-1]) < 0.9
    assert found.methods["grad_cam"].edge_likeness is None
    record = json.loads((out / "result.json").read_text())["result"]["methods"]["gradient"]
    assert record["rank"] == list(gradient.rank) and record["blank"] == 0


def test_sanity_gives_the_same_bytes_for_the_same_seed_and_others_for_another(model, photos, tmp_path, capsys):
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        done(capsys, "sanity", model, photos, "-m", "gradient", "--seed", seed, "-o", tmp_path / name)
    one, two, three = (contents(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert one["arrays.npz"] != three["arrays.npz"]


def test_the_curves_of_an_earlier_run_do_not_stay_beside_a_blank_one(model, photos, tmp_path, capsys):
    out = tmp_path / "out"
    done(capsys, "sanity", model, photos, "-m", "gradient", "-o", out)
    dead = random_weights(0, k1=(5, 3, 3, 3), k2=(6, 5, 3, 3)) | {"w": np.zeros((6, 4), np.float32)}
    write_network(tmp_path / "dead.onnx", NET, dead, SIDE, NAMES)
    done(capsys, "sanity", tmp_path / "dead.onnx", photos, "-m", "gradient", "-o", out, "--force")
    assert set(contents(out)) == {"result.json", "arrays.npz"}


# Selectivity -----------------------------------------------------------------------------------------------


def test_selectivity_compares_units_and_given_labels_classes(model, photos, tmp_path, capsys):
    out = tmp_path / "out"
    said, _ = done(capsys, "selectivity", model, "-l", "conv2", "--images", photos, "-o", out)
    assert set(contents(out)) == {"units.png", "classes.png", "maps.csv", "result.json", "arrays.npz"}
    found, arrays = json.loads((out / "result.json").read_text())["result"], np.load(out / "arrays.npz")
    assert len(found["units"]) > 6
    for method in ("deconvnet", "guided_backprop", "gradient"):
        scores = [unit["selectivity"][method] for unit in found["units"]]
        known = [score for score in scores if score is not None]
        assert found["means"][method]["value"] == pytest.approx(np.mean(known))
        shown = found["units"][found["shown"]["unit"]]
        assert len(arrays[f"shown.projections.{method}"]) == 1 + len(shown["others"])
    scores = sorted(unit["selectivity"]["deconvnet"] for unit in found["units"])
    assert shown["selectivity"]["deconvnet"] == scores[len(scores) // 2]
    assert arrays["classes.index"].shape == arrays["classes.best"].shape == (6,)
    check_result(out)
    assert "class selectivity, 6 images" in said and "red deer" in said


def test_selectivity_without_labels_says_so(model, tmp_path, capsys):
    photo = noisy_photos(tmp_path, {"photo.png": (30, 30)}) / "photo.png"
    out, said = done(capsys, "selectivity", model, "-l", "conv2", "--images", photo, "-o", tmp_path / "out")
    assert said == ["no class selectivity: the images have no labels"]
    assert "class selectivity" not in out and not (tmp_path / "out" / "classes.png").exists()


@pytest.mark.parametrize(("folder", "why"), [("red deer", "the images are all of one class"), ("holiday", "'holiday'")])
def test_labels_that_tell_no_classes_apart_are_no_error_and_leave_no_older_files(
    folder, why, model, photos, tmp_path, capsys
):
    out = tmp_path / "out"
    done(capsys, "selectivity", model, "-l", "conv2", "--images", photos, "-o", out)
    album = noisy_photos(tmp_path / "album", {f"{folder}/{i}.png": (30, 30) for i in range(2)})
    _, said = done(capsys, "selectivity", model, "-l", "conv2", "--images", album, "-o", out, "--force")
    assert said[-1].startswith("no class selectivity: ") and why in said[-1]
    assert set(contents(out)) == {"units.png", "result.json", "arrays.npz"}


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("-l", "conv9"), "no layer 'conv9'"),
        (("-l", "conv2", "-m", "grad_cam"), "no method 'grad_cam'"),
        (("-l", "conv2", "-m", ","), "no method in ','"),
    ],
)
def test_selectivity_refuses_what_does_not_exist_in_one_line(options, line, model, photos, tmp_path, capsys):
    assert line in refused(capsys, "selectivity", model, *options, "--images", photos, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_how_signals_are_drawn_is_a_choice_that_changes_pictures_and_no_number(model, photos, tmp_path, capsys):
    out = tmp_path / "out"
    done(capsys, "explain", model, photos, "-m", "gradient", "-o", out)
    before = contents(out)
    done(capsys, "explain", model, photos, "-m", "gradient", "--clip", 80, "--scale", "page", "--no-zoom", "-o", out)
    after = contents(out)
    assert before["explain.png"] != after["explain.png"] and before["arrays.npz"] == after["arrays.npz"]
    result = inspectnet.load(out)
    drawn, plain = (encode(inspectnet.plot(result, **how), "png") for how in ({"clip": 80, "scale": "page"}, {}))
    assert drawn != plain
    with pytest.raises(OptionError, match=r"no scale 'row'. There are: tile, map, page"):
        inspectnet.plot(result, scale="row")
