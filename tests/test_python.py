"""What Python takes: photos in any form, layers and units by address, classes by name; all else is one line."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inspectnet
from inspectnet.arguments import checks_arguments
from inspectnet.errors import ImageError, InspectError, LayerError, OptionError

CAT = inspectnet.samples.folder() / "cat.jpg"


@pytest.fixture(scope="module")
def net():
    return inspectnet.open(Path(__file__).parents[1] / "models" / "zfnet-tiny.onnx", device="cpu")


def test_a_network_is_shown_as_the_table_of_its_layers(net):
    title, head, *lines = repr(net).splitlines()
    assert title == "zfnet-tiny.onnx: images 3x56x56, 100 named classes, on cpu"
    assert head.split() == ["layer", "also", "op", "output", "field"]
    assert [line.split()[0] for line in lines] == [layer.name for layer in net.layers]
    assert lines[10].split() == ["fc6", "fc1", "Gemm+Relu", "512", "all"]
    table = net._repr_html_()
    assert table.count("<tr>") == 1 + len(lines) and "<td style='text-align:left'>Conv+Relu</td>" in table


def test_a_photo_is_prepared_the_same_in_every_form(net):
    pixels = np.asarray(Image.open(CAT))
    (x,) = net.prepare(CAT)
    for given in (str(CAT), Image.open(CAT), pixels, pixels[None], pixels.transpose(2, 0, 1), [CAT], x, x[None]):
        np.testing.assert_array_equal(net.checked(given), x[None])
    wanted = net.probabilities(x[None])
    np.testing.assert_array_equal(net.probabilities(CAT), wanted)
    np.testing.assert_array_equal(net.maxima(CAT, ["conv5"])["conv5"].values, net.maxima(x, ["conv5"])["conv5"].values)


def test_photos_are_prepared_in_the_order_given_and_folders_by_name(net):
    rocket, cat = CAT.with_name("rocket.jpg"), np.asarray(Image.open(CAT))
    np.testing.assert_array_equal(net.prepare([rocket, cat]), np.concatenate([net.prepare(rocket), net.prepare(CAT)]))
    folder = net.prepare(CAT.parent)
    assert folder.shape == (10, 3, 56, 56)
    np.testing.assert_array_equal(folder[3], net.prepare(CAT)[0])


def test_an_address_means_a_layer_a_map_or_a_unit(net):
    maps = net.activations(CAT, "conv5")
    np.testing.assert_array_equal(net.activations(CAT, "conv5:7"), maps[:, 7])
    np.testing.assert_array_equal(net.activations(CAT, "conv5:7@3,2"), maps[:, 7, 3, 2])
    np.testing.assert_array_equal(net.activations(CAT, "fc7:3"), net.activations(CAT, "fc7")[:, 3])
    np.testing.assert_array_equal(net.activations(CAT, "conv5:pre:7"), net.activations(CAT, "conv5", pre=True)[:, 7])


def test_a_class_may_be_named(net):
    number = next(i for i, name in enumerate(net.classes) if "bullfrog" in name)
    method = inspectnet.Gradient(net)
    for name in ("bullfrog", "Bullfrog, Rana catesbeiana"):
        np.testing.assert_array_equal(method.attribute(CAT, name), method.attribute(CAT, number))
    both = method.attribute([CAT, CAT], ["bullfrog", 0])
    np.testing.assert_array_equal(both[1:], method.attribute(CAT, 0))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda net: net.probabilities(np.zeros((1, 3, 227, 227))), OptionError, r"\(N, 3, 56, 56\)\. net\.prepare"),
        (lambda net: net.probabilities(np.zeros((56, 56, 3))), OptionError, "images have the shape"),
        (lambda net: net.probabilities(None), OptionError, "not of object"),
        (lambda net: net.values(np.zeros((1, 3, 9, 9)), ["image"]), OptionError, "images have the shape"),
        (lambda net: net.prepare("nowhere.jpg"), ImageError, "nowhere.jpg does not exist"),
        (lambda net: net.prepare([]), ImageError, "there are no images"),
        (lambda net: net.prepare(np.zeros((3, 56, 56))), ImageError, "a photo is uint8, 0 to 255"),
        (lambda net: net.activations(CAT, "conv9:7"), LayerError, "no layer 'conv9'"),
        (lambda net: net.activations(CAT, "conv5:128"), LayerError, "128 maps of 6x6; there is no unit 128"),
        (lambda net: net.activations(CAT, "conv5:7@6,0"), LayerError, "there is no unit 7@6,0"),
        (lambda net: net.activations(CAT, 5), LayerError, "called by a text, as conv5, not by 5"),
        (lambda net: inspectnet.deconv(net, 5), OptionError, "layers is a text or several, each a text, not 5"),
        (lambda net: inspectnet.deconv(net, "cat.jpg"), LayerError, "no layer 'cat.jpg'"),
        (lambda net: inspectnet.deconv(net, "conv5", 5), ImageError, "5 is no image"),
        (lambda net: inspectnet.deconv(net, "conv5", "nowhere/"), ImageError, "nowhere does not exist|nowhere/"),
        (lambda net: inspectnet.deconv(net, "conv5", method="grad_cam"), OptionError, "no method 'grad_cam'"),
        (lambda net: inspectnet.occlude(net, ["conv5", 5], CAT), OptionError, r"not \['conv5', 5\]"),
        (lambda net: inspectnet.explain(net, CAT, target="unicorn"), OptionError, "no class 'unicorn'"),
        (lambda net: inspectnet.GradCam(net).attribute(CAT, "unicorn"), OptionError, "no class 'unicorn'"),
        (lambda net: inspectnet.GradCam(net).attribute("nowhere.jpg", 0), ImageError, "nowhere.jpg does not exist"),
    ],
)
def test_what_makes_no_sense_is_one_line_before_any_work(call, error, message, net):
    with pytest.raises(error, match=message) as caught:
        call(net)
    assert isinstance(caught.value, InspectError) and len(str(caught.value).splitlines()) == 1


def test_the_network_comes_first_then_layers_then_images(net):
    assert inspectnet.deconv(net, "conv5", CAT, maps=2).photo == "cat.jpg"
    assert inspectnet.occlude(net, "conv5", CAT, patch=28, stride=28).layers == ("conv5",)
    assert inspectnet.selectivity(net, "conv5", CAT, methods="deconvnet").layer == "conv5"
    one = inspectnet.deconv(net, layers="conv5", images=CAT, maps=2, method="guided_backprop")
    assert one.about.options["policy"]["method"] == "guided_backprop"


def test_models_are_written_by_functions_too(net, tmp_path):
    (file,) = inspectnet.invert(net, "conv2:pre", tmp_path / "inverse.onnx")
    assert file.exists()
    other = inspectnet.open(net.path, device="cpu", preparation={"mean": (0.5, 0.5, 0.5)})
    keys = inspectnet.annotate(other, tmp_path / "named.onnx", classes=[f"class {i}" for i in range(100)])
    again = inspectnet.open(tmp_path / "named.onnx", device="cpu")
    assert (len(keys), again.classes[7], again.preparation.mean) == (2, "class 7", (0.5, 0.5, 0.5))
    with pytest.raises(OptionError, match=r"not the name of an \.onnx file"):
        inspectnet.annotate(other, tmp_path / "named.txt")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net: inspectnet.deconv("zfnet.onnx", "conv5"), "network is a Network, not 'zfnet.onnx'"),
        (
            lambda net: inspectnet.deconv(net, "conv5", CAT, maps=2.5),
            "maps is a whole number or a text or several, each",
        ),
        (lambda net: inspectnet.deconv(net, [], CAT), "there is no layer. Name one or more"),
        (lambda net: inspectnet.deconv(net, "conv5", CAT, top=0), "its 0 strongest activations"),
        (lambda net: inspectnet.deconv(net, "conv5", CAT, seed=-1), "seed cannot be -1. Choose"),
        (lambda net: inspectnet.deconv(net, "conv5", CAT, batch_size=True), "batch_size is a whole number, not True"),
        (
            lambda net: inspectnet.explain(net, CAT, methods=5),
            "methods is a text or several, each a Method or None, not 5",
        ),
        (lambda net: inspectnet.evaluate([], CAT), "there is no network"),
        (lambda net: inspectnet.evolve(net, "conv5", CAT), "networks is several, each a Network, not a Network"),
        (lambda net: inspectnet.diagnose(net, bands=(0.1,)), r"bands is 2 of a number, not \(0.1,\)"),
        (lambda net: inspectnet.occlude(net, images=CAT, patch=2.5), "patch is a whole number or None, not 2.5"),
        (lambda net: inspectnet.sanity(net, CAT, progress=5), "progress is a Progress, not 5"),
        (lambda net: inspectnet.plot(5), "result is a Result, not 5"),
        (lambda net: inspectnet.open(5), "path is a text or a Path, not 5"),
        (lambda net: inspectnet.GradCam(5), "grad_cam is made for a network that was opened, not for a int"),
    ],
)
def test_an_argument_of_another_type_is_refused_in_one_line(call, message, net):
    with pytest.raises(OptionError, match=message) as caught:
        call(net)
    assert len(str(caught.value).splitlines()) == 1


def test_numbers_of_numpy_are_taken_as_those_of_python_are(net):
    made = inspectnet.deconv(net, "conv5", CAT, maps=np.int64(2), top=np.int32(1), seed=np.uint8(0))
    same = inspectnet.deconv(net, "conv5", CAT, maps=2, top=1, seed=0)
    assert made.about.options == same.about.options
    assert [m.map for m in made.layers[0].maps] == [m.map for m in same.layers[0].maps] and len(
        made.layers[0].maps
    ) == 2
    with pytest.raises(OptionError, match="seed cannot be -1"):
        inspectnet.deconv(net, "conv5", CAT, seed=np.int64(-1))


def test_a_function_gets_no_scalar_of_numpy_however_deep_it_lies():
    @checks_arguments
    def kinds(several: Sequence[object], one: float) -> list[type]:
        return [type(several[0]), type(several[1][0]), type(one)]

    assert kinds([np.int64(3), (np.float32(0.5),)], one=np.float16(2)) == [int, float, float]
