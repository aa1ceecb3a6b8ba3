"""inspectnet occlude: what it makes, the same bytes twice, and what it refuses in one line."""

import json
from dataclasses import replace

import numpy as np
import pytest
from commands import check_result, contents, done, noisy_photos, refused, run, write_network
from nets import TWO_CONVS, random_weights
from PIL import Image

import inspectnet
from inspectnet.geometry import Box
from inspectnet.report import occlude as shown
from inspectnet.results import encode

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


def photos_of(folder):
    """What a record says of each photo."""
    return json.loads((folder / "result.json").read_text())["result"]["photos"]


# What comes out --------------------------------------------------------------------------------------------


def test_one_photo_gives_a_page_its_arrays_and_the_record(model, photos, tmp_path, capsys):
    out, photo = tmp_path / "out", photos / "blue whale" / "0.png"
    said, noted = done(capsys, "occlude", model, photo, "-o", out, "--patch", 8, "--stride", 4, "--others", photos)
    assert noted == [] and set(contents(out)) == {"occlude.png", "arrays.npz", "result.json"}
    record, arrays = json.loads((out / "result.json").read_text()), np.load(out / "arrays.npz")
    (about,) = record["result"]["photos"]
    network = inspectnet.open(model, device="cpu")
    with Image.open(photo) as opened:
        (found,) = inspectnet.occlude(network, ["conv2"], [np.asarray(opened)], patch=8, stride=4, others=photos).photos
    (watched,) = found.maps
    for name in ("photo", "whole", "probability", "label", "label_probability", "cover"):
        np.testing.assert_array_equal(arrays[f"photos.0.{name}"], getattr(found, name), err_msg=name)
    for name in ("whole", "activity", "energy", "projection"):
        np.testing.assert_array_equal(arrays[f"photos.0.maps.0.{name}"], getattr(watched, name), err_msg=name)
    np.testing.assert_array_equal(arrays["grid.tops"], [0, 4, 8, 12, 16])
    options = {name: record["options"][name] for name in ("patch", "stride", "fill", "layers")}
    assert options == {"patch": 8, "stride": 4, "fill": "grey", "layers": ["conv2"]}
    assert (about["target"], about["target_from"]) == (found.target, "prediction")
    assert about["target_name"] == NAMES[found.target] and about["maps"][0]["map"] == watched.map
    probability = arrays["photos.0.probability"]
    assert about["least_probability"] == probability.min() < about["target_probability"]
    y, x = np.argwhere(probability == probability.min())[0]
    assert about["least_at"] == [4 * y, 4 * x]
    assert (
        f"0.png: {NAMES[found.target]} ({found.target}) " in said
        and f"map conv2:{watched.map}\n-> {out}/occlude.png\n" in said
    )
    check_result(out)


def test_a_result_that_is_loaded_draws_the_same_page(model, photos, tmp_path, capsys):
    done(capsys, "occlude", model, photos, "-o", tmp_path / "out", "--stride", 8, "-l", "conv*", "--others", photos)
    loaded = check_result(tmp_path / "out")
    again = inspectnet.save(loaded, tmp_path / "again")
    for name in ("occlude.png", "arrays.npz"):
        assert (again / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_pictures_are_kept_of_the_first_photos_and_maps_of_places_of_all(model, tmp_path, capsys):
    photos = noisy_photos(tmp_path / "photos", {f"{i}.png": (24, 24) for i in range(8)})
    for layers, kept in ((["-l", "conv2"], 6), (["-l", "conv2:0", "-l", "conv2:3", "-l", "conv1:1"], 4)):
        out = tmp_path / f"out{kept}"
        done(capsys, "occlude", model, photos, "-o", out, "--stride", 8, *layers)
        made = check_result(out).photos
        pictures = [
            [photo.photo, photo.cover, *(watched.projection for watched in photo.maps), *photo.maps[0].elsewhere]
            for photo in made
        ]
        assert all(part is not None for row in pictures[:kept] for part in row) and len(pictures[0][-3:]) == 3
        assert not any(part is not None for row in pictures[kept:] for part in row) and len(made) == 8
        assert {watched.activity.shape for photo in made for watched in photo.maps} == {made[0].label.shape}


def test_photos_in_memory_may_have_labels_and_boxes(model, rng):
    network, photos = inspectnet.open(model, device="cpu"), list(rng.integers(0, 256, (2, 30, 40, 3), np.uint8))
    box = Box(0, 0, 20, 30)
    result = inspectnet.occlude(network, images=photos, labels=[3, 1], stride=8, boxes={"1": box}, others=photos)
    assert [(photo.image, photo.target, photo.target_from) for photo in result.photos] == [
        ("0", 3, "label"),
        ("1", 1, "label"),
    ]
    assert [photo.inside is None for photo in result.photos] == [True, False] and result.photos[1].inside.any()
    assert result.boxes.photos == 1 and result.photos[1].box_drop[0] == result.boxes.inside.value
    elsewhere = [[f.activation.image for f in photo.maps[0].elsewhere] for photo in result.photos]
    assert elsewhere == [["1"], ["0"]]  # each in the other one
    again = inspectnet.occlude(network, images=photos, labels=[3, 1], stride=8, boxes={"1": box}, others=photos)
    assert again.about == result.about and result.about.images.count == 2


def test_other_images_show_the_map_without_the_photo_itself(model, photos, tmp_path, capsys):
    photo = photos / "blue whale" / "0.png"
    done(capsys, "occlude", model, photo, "-o", tmp_path / "out", "--others", photos, "--stride", 8)
    (about,) = photos_of(tmp_path / "out")
    elsewhere = [each["activation"] for each in about["maps"][0]["elsewhere"]]
    images = [each["image"] for each in elsewhere]
    assert len(set(images)) == 3 and "blue whale/0.png" not in images
    network, unit = inspectnet.open(model, device="cpu"), about["maps"][0]["map"]
    strongest = {}
    for other in sorted(photos.rglob("*.png")):
        with Image.open(other) as opened:
            x = network.preparation.apply(np.asarray(opened))
        strongest[str(other.relative_to(photos))] = network.activations(x[None], "conv2")[0, unit].max()
    del strongest["blue whale/0.png"]
    assert images == sorted(strongest, key=strongest.get, reverse=True)[:3]
    np.testing.assert_allclose([each["value"] for each in elsewhere], [strongest[i] for i in images], rtol=1e-5)
    arrays = np.load(tmp_path / "out" / "arrays.npz")
    for i in range(3):
        first = f"photos.0.maps.0.elsewhere.{i}"
        assert (arrays[f"{first}.projection"].shape, arrays[f"{first}.patch"].shape) == ((3, 7, 7), (7, 7, 3))


def test_a_copy_of_the_photo_is_left_out_of_the_others_and_a_variant_is_not(model, photos, tmp_path, capsys):
    """Both show the map the same patch."""
    photo = photos / "blue whale" / "0.png"
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "copy.png").write_bytes(photo.read_bytes())
    with Image.open(photo) as opened:
        variant = opened.copy()
    variant.putpixel((0, 0), (128, 128, 128))
    variant.save(tmp_path / "others" / "variant.png")
    done(capsys, "occlude", model, photo, "-o", tmp_path / "out", "--others", tmp_path / "others", "--stride", 8)
    (about,) = photos_of(tmp_path / "out")
    (activation,) = [each["activation"] for each in about["maps"][0]["elsewhere"]]
    assert activation["image"] == "variant.png" and activation["value"] == pytest.approx(about["maps"][0]["value"])


def test_photos_with_labels_are_watched_by_their_own_class(model, photos, tmp_path, capsys):
    said, _ = done(capsys, "occlude", model, photos, "-o", tmp_path / "out", "--stride", 8, "--json")
    record = json.loads(said)
    made = record["result"]["photos"]
    assert [(p["target"], p["target_from"]) for p in made] == [
        (NAMES.index(p["image"].split("/")[0]), "label") for p in made
    ]
    assert record["images"]["count"] == 6 and record["result"]["boxes"] is None


def test_a_class_and_a_map_can_be_said(model, photos, tmp_path, capsys):
    options = ("-c", "roe", "--layer", "conv1:3", "--fill", "noise", "--by", "max", "--json", "--stride", 8)
    said, _ = done(capsys, "occlude", model, photos / "red deer" / "1.png", "-o", tmp_path / "out", *options)
    record = json.loads(said)
    (about,) = record["result"]["photos"]
    assert (about["target"], about["target_from"], about["maps"][0]["map"]) == (3, "option", 3)
    options = record["options"]
    assert (options["layers"], options["fill"], options["by"]) == (["conv1"], "noise", "max")
    assert record["result"]["layers"] == ["conv1:3"]


def test_several_layers_are_watched_at_once_each_as_if_alone(model, photos, tmp_path, capsys):
    photo, options = photos / "blue whale" / "0.png", ("--patch", 8, "--stride", 4)
    said, _ = done(capsys, "occlude", model, photo, "-o", tmp_path / "out", "-l", "conv*", *options)
    result = check_result(tmp_path / "out")
    (photo_of_both,) = result.photos
    assert result.layers == ("conv1", "conv2") == tuple(watched.layer for watched in photo_of_both.maps)
    assert "; map " + ", ".join(f"{watched.layer}:{watched.map}" for watched in photo_of_both.maps) in said
    for number, layer in enumerate(result.layers):
        done(capsys, "occlude", model, photo, "-o", tmp_path / layer, "-l", layer, *options)
        (alone,) = check_result(tmp_path / layer).photos
        both = replace(photo_of_both, maps=photo_of_both.maps[number : number + 1])
        one, other = {}, {}
        assert encode(alone, one) == encode(both, other) and set(one) == set(other)
        for name, array in one.items():
            np.testing.assert_array_equal(array, other[name], err_msg=name)


def test_maps_of_several_layers_can_be_said(model, photos, tmp_path, capsys):
    layers = ("-l", "conv2:5", "-l", "conv1", "-l", "conv2:0")
    done(capsys, "occlude", model, photos / "red deer", "-o", tmp_path / "out", *layers, "--stride", 8)
    watched = [[(each["layer"], each["map"]) for each in photo["maps"]] for photo in photos_of(tmp_path / "out")]
    assert [maps[1:] for maps in watched] == [[("conv2", 5), ("conv2", 0)]] * 2
    assert {maps[0][0] for maps in watched} == {"conv1"}
    assert np.load(tmp_path / "out" / "arrays.npz")["photos.1.maps.2.whole"].shape == (6,)


def test_labels_that_mean_no_class_are_said_and_the_most_likely_class_is_watched(tmp_path, photos, capsys):
    model = write_model(tmp_path / "other.onnx", ("a", "b", "c", "d"))
    said, noted = done(capsys, "occlude", model, photos, "-o", tmp_path / "out", "--stride", 8, "--json")
    assert {p["target_from"] for p in json.loads(said)["result"]["photos"]} == {"prediction"}
    assert len(noted) == 1 and noted[0].startswith("no true classes, so each photo's most likely one is taken: ")


def test_labels_and_a_table_beside_the_images_are_read_as_evaluate_reads_them(model, photos, tmp_path, capsys):
    """A table of other classes is passed over; images of no class are named, and watched by the most likely one."""
    (photos / "classes.tsv").write_text("n00000001\tred deer\nn00000002\tmoon\n")
    (photos / "blue whale").rename(photos / "moon")
    said, noted = done(capsys, "occlude", model, photos, "-o", tmp_path / "out", "--stride", 8, "--json")
    sources = {p["image"].split("/")[0]: p["target_from"] for p in json.loads(said)["result"]["photos"]}
    assert sources == {"green lizard": "label", "moon": "prediction", "red deer": "label"}
    assert noted == ["left out 2 images, whose label is no class: 'moon'"]


def test_the_legend_of_the_page_calls_classes_by_their_first_synonym(tmp_path, photos, capsys, monkeypatch):
    model = write_model(tmp_path / "other.onnx", [f"{name}, any of a long list of others" for name in NAMES])
    drawn, draw = [], shown.draw_occlusion
    monkeypatch.setattr(shown, "draw_occlusion", lambda strips, **how: drawn.extend(strips) or draw(strips, **how))
    out, _ = done(capsys, "occlude", model, photos / "red deer", "-o", tmp_path / "out", "--stride", 8, "--json")
    assert len(drawn) == 2 and {name for strip in drawn for name in strip.names} <= set(NAMES)
    assert all("others" in photo["target_name"] for photo in json.loads(out)["result"]["photos"])


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
    result = check_result(tmp_path / "out")
    boxed = {photo.image: photo for photo in result.photos if photo.inside is not None}
    assert set(boxed) == {*(f"{name}/0.png" for name in NAMES[:3]), "red deer/1.png"}
    drops = {image: photo.box_drop for image, photo in boxed.items()}
    for name in NAMES[:3]:
        photo = boxed[f"{name}/0.png"]
        drop = photo.whole[NAMES.index(name)] - photo.probability
        assert drops[f"{name}/0.png"] == pytest.approx((drop[:, :3].mean(), drop[:, 3:].mean()))
    assert drops["red deer/1.png"][1] is None  # the box is all of the photo
    summary = result.boxes
    means = np.mean([drops[f"{name}/0.png"] for name in NAMES[:3]], axis=0)
    assert (summary.photos, summary.inside.value, summary.outside.value) == (3, *map(pytest.approx, means))
    assert "boxes of 3 photos: the class loses " in said and "\nwith the boxes of the other photos: " in said
    assert summary.others.inside == pytest.approx(summary.inside.value)  # for all three are the same
    assert summary.inside.low < summary.inside.value < summary.inside.high
    assert summary.others.p == 1 and summary.others.beyond.value == pytest.approx(0)
    (agreed,) = result.agreement
    every = [watched.activity_correlation for photo in result.photos for watched in photo.maps]
    own = agreed.correlation.value
    assert own == pytest.approx(np.mean(every)) and agreed.photos == len(every) == len(result.photos)
    assert f"\n{agreed.of}: drop and projection of {len(every)} photos correlate by {own:.3f} (" in said


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
        (["--fill", "black"], "no fill 'black'. There are: grey, mean, blur, noise."),
        (["--by", "mean"], "no strength 'mean'. Did you mean max? There are: sum, max."),
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
        found[corners] = [photo["box_drop"] for photo in record["result"]["photos"]]
    assert found["inside"] == found["outside"] == found[None] and any(inside for inside, _ in found[None])


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
    assert [p["image"] for p in json.loads(out)["result"]["photos"] if p["inside"]] == ["red deer/1.png"]
    assert len(noted) == 1 and noted[0].startswith("skipped red deer/0.png: ")


def test_no_image_is_refused(model, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert "absent.jpg" in refused(capsys, "occlude", model, tmp_path / "absent.jpg", "-o", tmp_path / "out")
    assert "empty" in refused(capsys, "occlude", model, tmp_path / "empty", "-o", tmp_path / "out")
    (tmp_path / "broken.png").write_bytes(b"no photo")
    _, _, err = run(capsys, "occlude", model, tmp_path / "broken.png", "-o", tmp_path / "out", "--stride", 8)
    assert "none of the 1 images could be read; the first, broken.png: " in err.splitlines()[-1]
    assert "scanning" not in err
