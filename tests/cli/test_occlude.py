"""inspectnet occlude: what it makes, the same bytes twice, and what it refuses in one line."""

import json

import numpy as np
import pytest
from commands import contents, done, noisy_photos, refused, run, write_network
from nets import TWO_CONVS, random_weights
from PIL import Image

import inspectnet
from inspectnet.analyses.occlusion import occlude
from inspectnet.report import occlusion

SIDE = 24
NET = f"{TWO_CONVS}\ny = Gemm (f, w)"
NAMES = ("red deer", "green lizard", "blue whale", "roe deer")


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path / "tiny.onnx", NAMES)


def write_model(path, names):
    weights = random_weights(0, k1=(5, 3, 3, 3), k2=(6, 5, 3, 3), w=(6, 4))
    return write_network(path, NET, weights, SIDE, names, crop_pct=1)


@pytest.fixture
def photos(tmp_path):
    """Two photos of 48 x 48 of each of three classes."""
    sizes = {f"{name}/{j}.png": (48, 48) for name in NAMES[:3] for j in range(2)}
    return noisy_photos(tmp_path / "photos", sizes, cells=(6, 6))


# What comes out --------------------------------------------------------------------------------------------


def test_one_photo_gives_a_page_its_arrays_and_the_record(model, photos, tmp_path, capsys):
    out, photo = tmp_path / "out", photos / "blue whale" / "0.png"
    said, noted = done(capsys, "occlude", model, photo, "-o", out, "--patch", 8, "--stride", 4, "--images", photos)
    assert noted == [] and set(contents(out)) == {"occlude.png", "0.png.npz", "run.json"}
    record, arrays = json.loads((out / "run.json").read_text()), np.load(out / "0.png.npz")
    (about,) = record["photos"]
    network = inspectnet.open(model, device="cpu")
    found = occlude(network, network.preparation.normalise(arrays["photo"]), ["conv2"], patch=8, stride=4)
    (watched,) = found.watched
    for name in ("probability", "label", "label_probability", "cover"):
        np.testing.assert_array_equal(arrays[name], getattr(found, name), err_msg=name)
    for name in ("map", "activity", "energy", "projection"):
        np.testing.assert_array_equal(arrays[name], getattr(watched, name), err_msg=name)
    np.testing.assert_array_equal(arrays["tops"], [0, 4, 8, 12, 16])
    assert record["square"] == {"patch": 8, "stride": 4, "fill": "grey", "places": [5, 5]}
    assert (about["class"], about["class_from"]) == (found.target, "prediction")
    assert about["class_name"] == NAMES[found.target] and record["layers"] == ["conv2"]
    assert about["least_probability"] == arrays["probability"].min() < about["class_probability"]
    y, x = np.argwhere(arrays["probability"] == arrays["probability"].min())[0]
    assert about["least_at"] == [4 * y, 4 * x]
    assert f"0.png: {NAMES[found.target]} ({found.target}) " in said and f"map conv2:{watched.map}\n-> {out}\n" in said


def test_other_images_show_the_map_without_the_photo_itself(model, photos, tmp_path, capsys):
    photo = photos / "blue whale" / "0.png"
    done(capsys, "occlude", model, photo, "-o", tmp_path / "out", "--images", photos, "--stride", 8)
    (about,) = json.loads((tmp_path / "out" / "run.json").read_text())["photos"]
    images = [each["image"] for each in about["maps"][0]["elsewhere"]]
    assert len(set(images)) == 3 and "blue whale/0.png" not in images
    network, unit = inspectnet.open(model, device="cpu"), about["maps"][0]["unit"]["map"]
    strongest = {}
    for other in sorted(photos.rglob("*.png")):
        with Image.open(other) as opened:
            x = network.preparation.apply(np.asarray(opened))
        strongest[str(other.relative_to(photos))] = network.activations(x[None], "conv2")[0, unit].max()
    del strongest["blue whale/0.png"]
    assert images == sorted(strongest, key=strongest.get, reverse=True)[:3]
    np.testing.assert_allclose(
        [each["value"] for each in about["maps"][0]["elsewhere"]], [strongest[i] for i in images], rtol=1e-5
    )
    arrays = np.load(tmp_path / "out" / "0.png.npz")
    assert arrays["elsewhere"].shape == (3, 3, 7, 7) and arrays["elsewhere_patch"].shape == (3, 7, 7, 3)


def test_a_copy_of_the_photo_is_left_out_of_the_others_and_a_variant_is_not(model, photos, tmp_path, capsys):
    """Both show the map the same patch."""
    photo = photos / "blue whale" / "0.png"
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "copy.png").write_bytes(photo.read_bytes())
    with Image.open(photo) as opened:
        variant = opened.copy()
    variant.putpixel((0, 0), (128, 128, 128))
    variant.save(tmp_path / "others" / "variant.png")
    done(capsys, "occlude", model, photo, "-o", tmp_path / "out", "--images", tmp_path / "others", "--stride", 8)
    (about,) = json.loads((tmp_path / "out" / "run.json").read_text())["photos"]
    assert [each["image"] for each in about["maps"][0]["elsewhere"]] == ["variant.png"]
    assert about["maps"][0]["elsewhere"][0]["value"] == pytest.approx(about["maps"][0]["unit"]["value"])


def test_photos_with_labels_are_watched_by_their_own_class(model, photos, tmp_path, capsys):
    said, _ = done(capsys, "occlude", model, photos, "-o", tmp_path / "out", "--stride", 8, "--json")
    record = json.loads(said)
    assert [(p["class"], p["class_from"]) for p in record["photos"]] == [
        (NAMES.index(p["image"].split("/")[0]), "label") for p in record["photos"]
    ]
    assert record["images"]["count"] == 6 and "boxes" not in record


def test_a_class_and_a_map_can_be_said(model, photos, tmp_path, capsys):
    options = ("-c", "roe", "--layer", "conv1:3", "--fill", "noise", "--by", "max", "--json", "--stride", 8)
    said, _ = done(capsys, "occlude", model, photos / "red deer" / "1.png", "-o", tmp_path / "out", *options)
    record = json.loads(said)
    (about,) = record["photos"]
    assert (about["class"], about["class_from"], about["maps"][0]["unit"]["map"]) == (3, "option", 3)
    assert (record["layers"], record["square"]["fill"], record["by"]) == (["conv1"], "noise", "max")


def test_several_layers_are_watched_at_once_each_as_if_alone(model, photos, tmp_path, capsys):
    photo, options = photos / "blue whale" / "0.png", ("--patch", 8, "--stride", 4)
    said, _ = done(capsys, "occlude", model, photo, "-o", tmp_path / "out", "-l", "conv*", *options)
    names = ("0.png_conv1.npz", "0.png_conv2.npz")
    assert set(contents(tmp_path / "out")) == {"occlude.png", *names, "run.json"}
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    maps = record["photos"][0].pop("maps")
    assert record["layers"] == [each["layer"] for each in maps] == ["conv1", "conv2"]
    assert "; map " + ", ".join(f"{each['layer']}:{each['unit']['map']}" for each in maps) in said
    for layer, name, about in zip(record["layers"], names, maps, strict=True):
        done(capsys, "occlude", model, photo, "-o", tmp_path / layer, "-l", layer, *options)
        assert (tmp_path / layer / "0.png.npz").read_bytes() == (tmp_path / "out" / name).read_bytes()
        (alone,) = json.loads((tmp_path / layer / "run.json").read_text())["photos"]
        assert alone.pop("maps") == [about] and alone == record["photos"][0]


def test_maps_of_several_layers_can_be_said(model, photos, tmp_path, capsys):
    layers = ("-l", "conv2:5", "-l", "conv1", "-l", "conv2:0")
    done(capsys, "occlude", model, photos / "red deer", "-o", tmp_path / "out", *layers, "--stride", 8)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    watched = [[(each["layer"], each["unit"]["map"]) for each in photo["maps"]] for photo in record["photos"]]
    assert [maps[1:] for maps in watched] == [[("conv2", 5), ("conv2", 0)]] * 2
    assert {maps[0][0] for maps in watched} == {"conv1"}
    arrays = np.load(tmp_path / "out" / "1.png_conv2_0.npz")
    assert arrays["map"] == 0 and arrays["whole_activity"].shape == (6,)


def test_labels_that_mean_no_class_are_said_and_the_most_likely_class_is_watched(tmp_path, photos, capsys):
    model = write_model(tmp_path / "other.onnx", ("a", "b", "c", "d"))
    said, noted = done(capsys, "occlude", model, photos, "-o", tmp_path / "out", "--stride", 8, "--json")
    assert {p["class_from"] for p in json.loads(said)["photos"]} == {"prediction"}
    assert len(noted) == 1 and noted[0].startswith("no true classes, so each photo's most likely one is taken: ")


def test_labels_and_a_table_beside_the_images_are_read_as_evaluate_reads_them(model, photos, tmp_path, capsys):
    """A table of other classes is passed over; images of no class are named, and watched by the most likely one."""
    (photos / "classes.tsv").write_text("n00000001\tred deer\nn00000002\tmoon\n")
    (photos / "blue whale").rename(photos / "moon")
    said, noted = done(capsys, "occlude", model, photos, "-o", tmp_path / "out", "--stride", 8, "--json")
    sources = {p["image"].split("/")[0]: p["class_from"] for p in json.loads(said)["photos"]}
    assert sources == {"green lizard": "label", "moon": "prediction", "red deer": "label"}
    assert noted == ["left out 2 images, whose label is no class: 'moon'"]


def test_the_legend_of_the_page_calls_classes_by_their_first_synonym(tmp_path, photos, capsys, monkeypatch):
    model = write_model(tmp_path / "other.onnx", [f"{name}, any of a long list of others" for name in NAMES])
    drawn, draw = [], occlusion.draw_occlusion
    monkeypatch.setattr(occlusion, "draw_occlusion", lambda strips, **how: drawn.extend(strips) or draw(strips, **how))
    out, _ = done(capsys, "occlude", model, photos / "red deer", "-o", tmp_path / "out", "--stride", 8, "--json")
    assert len(drawn) == 2 and {name for strip in drawn for name in strip.names} <= set(NAMES)
    assert all("others" in photo["class_name"] for photo in json.loads(out)["photos"])


def test_the_same_inputs_give_the_same_bytes(model, photos, tmp_path, capsys):
    for name in ("one", "two"):
        done(capsys, "occlude", model, photos, "-o", tmp_path / name, "--stride", 8, "--fill", "noise")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize("grouped", [False, True])
def test_boxes_tell_what_the_object_costs_and_what_is_around_it(grouped, model, photos, tmp_path, capsys):
    """Boxes are in pixels of the photo, 48 x 48, which the network sees at half that size."""
    boxes = {"0.png": [0, 0, 24, 48], "red deer/1.png": [0, 0, 48, 48]}
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps({"val": boxes, "train": {}} if grouped else boxes))
    options = ("--boxes", file, "--patch", 4, "--stride", 4, "-o", tmp_path / "out")
    said, _ = done(capsys, "occlude", model, photos, *options)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    drops = {p["image"]: p["drop"] for p in record["photos"] if "drop" in p}
    assert set(drops) == {*(f"{name}/0.png" for name in NAMES[:3]), "red deer/1.png"}
    for name in NAMES[:3]:
        arrays = np.load(tmp_path / "out" / f"{name.replace(' ', '_')}_0.png.npz")
        drop = arrays["whole_probabilities"][NAMES.index(name)] - arrays["probability"]
        wanted = {"inside": drop[:, :3].mean(), "outside": drop[:, 3:].mean()}
        assert drops[f"{name}/0.png"] == pytest.approx(wanted)
    assert drops["red deer/1.png"]["outside"] is None  # the box is all of the photo
    summary = record["boxes"]
    means = [np.mean([drops[f"{name}/0.png"][side] for name in NAMES[:3]]) for side in ("inside", "outside")]
    assert (summary["photos"], summary["inside"], summary["outside"]) == (3, *map(pytest.approx, means))
    assert "boxes of 3 photos: the class loses " in said and "\nwith the boxes of the other photos: " in said
    assert summary["with_others_boxes"]["inside"] == pytest.approx(summary["inside"])  # for all three are the same
    low, high = summary["intervals"]["inside"]
    assert low < summary["inside"] < high and summary["p"] == 1 and summary["beyond_others"] == pytest.approx(0)
    (agreed,) = record["agreement"]
    every = [each["correlation_with_energy"]["activity_drop"] for p in record["photos"] for each in p["maps"]]
    assert agreed["own"] == pytest.approx(np.mean(every)) and agreed["photos"] == len(every) == len(record["photos"])
    assert f"\n{agreed['of']}: drop and projection of {len(every)} photos correlate by {agreed['own']:.3f} (" in said


def test_photos_that_cannot_be_read_are_named(model, photos, tmp_path, capsys):
    (photos / "red deer" / "0.png").write_bytes(b"no photo")
    _, noted = done(capsys, "occlude", model, photos, "-o", tmp_path / "out", "--stride", 8)
    assert len(noted) == 1 and noted[0].startswith("skipped red deer/0.png: ")


# What is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--patch", 25], "a patch of 25 px does not fit into the image of 24 x 24. Choose less."),
        (["--patch", 0], "the patch cannot be 0 px. Choose 1 or more."),
        (["--stride", 0], "the stride cannot be 0 px. Choose 1 or more."),
        (["--class", 4], "no class '4'. They have the numbers 0 to 3."),
        (["--class", "red dear"], "no class 'red dear'. Did you mean red deer"),
        (["--class", "deer"], "'deer' is part of the names of 2 classes: red deer (0), roe deer (3)."),
        (["--layer", "fc3"], "fc3 has no maps, only 4 units. Choose a layer below it"),
        (["--layer", "conv9"], "no layer 'conv9'"),
        (["--layer", "conv1", "--layer", "f*"], "fc3 has no maps, only 4 units."),
        (["--layer", "x*"], "no layer matches 'x*'"),
        (["--layer", "conv2:6"], "conv2 has 6 maps, 0 to 5; there is no map 6."),
        (
            ["--layer", "conv2:pre"],
            "'conv2:pre' is the raw sum, but maps are ranked by their rectified",
        ),
        (["--layer", "conv2:1@2,2"], "maps are shown at their strongest ones. Say --layer conv2:1."),
        (["--fill", "black"], "nothing called 'black' fills a square. Say grey, mean, blur or noise."),
        (["--by", "mean"], "maps are not compared by 'mean'. Say sum or max."),
        (["--batch-size", "many"], "--batch-size 'many' is neither auto nor a number from 1 up."),
        (["--method", "lrp"], "lrp"),
        (["--boxes", "absent.json"], "cannot read absent.json: no such file or directory. Check --boxes."),
    ],
    ids=lambda each: " ".join(map(str, each)) if isinstance(each, list) else "",
)
def test_a_mistake_is_told_in_one_line(options, what, model, photos, tmp_path, capsys):
    out = tmp_path / "out"
    assert what in refused(capsys, "occlude", model, photos / "red deer" / "0.png", "-o", out, *options)
    assert not out.exists()


@pytest.mark.parametrize(
    "option", [("--fill", "black"), ("--by", "mean"), ("--patch", 25), ("--layer", "conv2:6")], ids=str
)
def test_a_mistake_is_told_before_hours_of_work(option, model, photos, tmp_path, capsys):
    (photos / "red deer").rename(photos / "moon")  # of which a line would be said, when photos are looked at
    _, _, err = run(capsys, "occlude", model, photos, "-o", tmp_path / "out", *option)
    assert not any(line.startswith(("scanning: ", "occluding: ", "left out")) for line in err.splitlines())


@pytest.mark.parametrize("grouped", [False, True])
def test_the_last_pixels_of_boxes_count_as_their_file_says(grouped, model, photos, tmp_path, capsys):
    """The same box by its last pixels, as Tiny ImageNet writes it, and by the first ones outside."""
    found = {}
    for corners, box in (("inside", [0, 0, 23, 47]), ("outside", [0, 0, 24, 48]), (None, [0, 0, 24, 48])):
        boxes, file = {"0.png": box}, tmp_path / f"{corners}.json"
        told = {"val": boxes} if grouped else boxes
        file.write_text(json.dumps({"corners": corners, **told} if corners else told))
        options = ("--boxes", file, "--patch", 4, "--stride", 4, "-o", tmp_path / str(corners), "--json")
        record = json.loads(done(capsys, "occlude", model, photos, *options)[0])
        found[corners] = [photo.get("drop") for photo in record["photos"]]
    assert found["inside"] == found["outside"] == found[None] and any(found[None])


def test_corners_that_are_neither_inside_nor_outside_are_refused(model, photos, tmp_path, capsys):
    (tmp_path / "boxes.json").write_text('{"corners": "beyond", "0.png": [0, 0, 24, 48]}')
    line = refused(capsys, "occlude", model, photos, "-o", tmp_path / "out", "--boxes", tmp_path / "boxes.json")
    assert "corners 'beyond' are neither inside nor outside" in line


@pytest.mark.parametrize("text", ["[1, 2]", '{"0.png": [1, 2, 3]}', '{"0.png": [1, 2, 3, "4"]}', '{"val": 3}', "boxes"])
def test_a_file_without_boxes_is_refused(text, model, photos, tmp_path, capsys):
    file = tmp_path / "boxes.json"
    file.write_text(text)
    line = refused(capsys, "occlude", model, photos, "-o", tmp_path / "out", "--boxes", file)
    assert 'Write {"photo.jpg": [x0, y0, x1, y1]}' in line


def test_a_box_beyond_its_photo_is_refused_with_its_name_before_hours_of_work(model, photos, tmp_path, capsys):
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps({"red deer/0.png": [0, 0, 9, 9], "red deer/1.png": [40, 0, 49, 9]}))
    _, _, err = run(capsys, "occlude", model, photos, "-o", tmp_path / "out", "--boxes", file)
    line = err.splitlines()[-1]
    assert f"red deer/1.png in {file}: the box [40, 0, 49, 9] does not lie in the photo, which has 48 x 48" in line
    assert "scanning" not in err and not (tmp_path / "out").exists()


def test_a_box_of_a_photo_that_cannot_be_read_is_passed_over(model, photos, tmp_path, capsys):
    (photos / "red deer" / "0.png").write_bytes(b"no photo")
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps({"red deer/0.png": [0, 0, 9, 9], "red deer/1.png": [0, 0, 9, 9]}))
    out, noted = done(
        capsys, "occlude", model, photos, "-o", tmp_path / "out", "--stride", 8, "--boxes", file, "--json"
    )
    assert [p["image"] for p in json.loads(out)["photos"] if "drop" in p] == ["red deer/1.png"]
    assert len(noted) == 1 and noted[0].startswith("skipped red deer/0.png: ")


def test_no_image_is_refused(model, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert "absent.jpg" in refused(capsys, "occlude", model, tmp_path / "absent.jpg", "-o", tmp_path / "out")
    assert "empty" in refused(capsys, "occlude", model, tmp_path / "empty", "-o", tmp_path / "out")
    (tmp_path / "broken.png").write_bytes(b"no photo")
    _, _, err = run(capsys, "occlude", model, tmp_path / "broken.png", "-o", tmp_path / "out", "--stride", 8)
    assert "none of the 1 images could be read; the first, broken.png: " in err.splitlines()[-1]
    assert "scanning" not in err
