"""A bundle holds every value that it names, as the contract has it, and its numbers are those of the scan."""

import dataclasses
import io
from typing import get_type_hints

import numpy as np
import pytest
from commands import noisy_photos, write_network
from nets import POOLED, random_weights
from PIL import Image

import inspectnet
from inspectnet.explorer import Bundle, contract
from inspectnet.explorer.kept_reader import KeptReader, _Pixels
from inspectnet.explorer.sprites import PHOTOS, SIGNALS, TILE, make_sheet, make_tile
from inspectnet.figures.colour import GREY
from inspectnet.images import Reader, tile_boxes
from inspectnet.results import decode, encode

SIDE = 16
EDGE = 8  # pixels of a tile that take on some of its neighbour's colour
KINDS = {
    "model": contract.Model,
    "photos": tuple[contract.Photo, ...],
    "photos/": str,
    "images/": contract.ImageData,
    "layers/": contract.LayerData,
    "units": tuple[contract.UnitData, ...],
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    weights = random_weights(0, k1=(5, 3, 3, 3), k2=(70, 5, 3, 3), m=(70, 4))
    return write_network(tmp_path_factory.mktemp("net") / "net.onnx", POOLED, weights, SIDE, classes=list("abcd"))


@pytest.fixture(scope="module")
def bundle(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    noisy_photos(folder, {f"{'abcd'[at % 4]}/{at:02}.png": (20 + at, 30 - at) for at in range(11)})
    (folder / "a" / "broken.png").write_bytes(b"no image")
    network, index = inspectnet.open(model, device="cpu"), tmp_path_factory.mktemp("index")
    inspectnet.scan(network, folder, index, top=20)
    return Bundle(network, inspectnet.open_index(index))


def kind_of(name):
    first, _, rest = name.partition("/")
    return KINDS["units" if "/units/" in name else f"{first}/" if rest else first]


def test_every_value_fits_the_contract(bundle):
    names = [name for name in bundle.names() if not name.startswith("sheets/")]
    assert len(names) == len(set(names)) == 2 + 11 + 11 + 2 + 3
    for name in names:
        decode(encode(bundle.value(name), {}), kind_of(name), {})


@pytest.mark.parametrize("name", ["", "model/", "photos/11", "photos/-1", "images/x", "layers/9", "layers/0/units/1",
                                  "layers/0/units", "../model", "layers/\u0660"])  # fmt: skip
def test_no_other_name_has_a_value(bundle, name):
    with pytest.raises(KeyError):
        bundle.value(name)


def test_sheets_hold_the_tiles_that_the_layer_says(bundle):
    names = {name for name in bundle.names() if name.startswith("sheets/")}
    told = set()
    for number, layer in enumerate(bundle.layers):
        data = bundle.value(f"layers/{number}")
        for sheets in (*vars(data.best).values(), *vars(data.examples).values(), data.quantiles.patch, data.filters):
            for sheet in sheets:
                told.add(f"sheets/{sheet.name}")
                picture = Image.open(io.BytesIO(bundle.value(f"sheets/{sheet.name}")))
                assert picture.format == "WEBP"
                assert picture.size == (sheet.columns * TILE, -(-sheet.count // sheet.columns) * TILE)
        assert sum(sheet.count for sheet in data.best.patch) == layer.maps
        assert sum(sheet.count for sheet in data.examples.patch) == layer.maps * contract.EXAMPLES
    assert told == names


@pytest.mark.parametrize(
    "name", ["0-best-projection-1", "9-best-patch-0", "1-filters-0", "0-best-0", "0-best-map-0", "x"]
)
def test_no_other_sheet_is_there(bundle, name):
    with pytest.raises(KeyError):
        bundle.value(f"sheets/{name}")


def test_examples_are_those_of_deconv(bundle):
    found = inspectnet.deconv(bundle.network, "conv2", bundle.index, maps="all", top=9).layers[0]
    units = [unit for chunk in (0, 1) for unit in bundle.value(f"layers/1/units/{chunk}")]
    by_map = {features.map: features.top for features in found.maps}
    assert sum(bool(unit.examples) for unit in units) == len(by_map) > 60
    for number, unit in enumerate(units):
        for example, told in zip(unit.examples, by_map.get(number, ()), strict=True):
            assert (bundle.photos.name(example.photo), example.y, example.x) == (told.image, told.y, told.x)
            assert example.value == pytest.approx(told.value, rel=1e-4)
            assert example.box == tuple(told.box)
    assert bundle.value("layers/1").photos[:9] == tuple(example.photo for example in units[0].examples)


def test_the_best_tile_alone_is_the_first_of_the_nine(bundle):
    layer = bundle.layers[1]
    bundle.kept.forget()
    alone = bundle.chunks.best(layer, 0)
    nine = bundle.chunks.examples(layer, 0)
    for one, all_ in zip(alone, nine, strict=True):
        assert [example.shown for example in one.examples] == [example.shown for example in all_.examples[:1]]
        for best, first in zip(one.projections + one.patches, all_.projections[:1] + all_.patches[:1], strict=True):
            assert np.abs(best.astype(int) - first).max() <= 1


def test_numbers_of_units_are_those_of_the_photos(bundle):
    layer, network = bundle.layers[1], bundle.network
    values = network.maxima(network.prepare([e.path for e in bundle.index if "broken" not in e.id]), ["conv2"])[
        "conv2"
    ].values
    data = bundle.value("layers/1")
    assert data.highest == pytest.approx(np.maximum(values.max(axis=0), 0), rel=1e-4)
    assert data.active == pytest.approx((values > 0).mean(axis=0), rel=1e-4)
    assert data.mean == pytest.approx(values.mean(axis=0), rel=1e-4)
    unit = bundle.value("layers/1/units/0")[3]
    correlation = np.corrcoef(values.T)[3]
    assert unit.alike[0].likeness == pytest.approx(np.sort(correlation)[-2], rel=1e-3)
    assert sum(unit.histogram.counts) == 11
    median = unit.quantiles[2]
    assert median is None or median.value == pytest.approx(np.sort(values[:, 3])[5], rel=1e-4)
    of_a = [unit.classes[k].mean for k in range(4) if unit.classes[k].index == 0]
    assert of_a == pytest.approx([values[[0, 1, 2], 3].mean()], rel=1e-4)
    assert layer.maps == len(data.selectivity) and max(data.selectivity) <= 1


def test_photos_are_there_with_the_part_that_the_network_sees(bundle):
    for number, about in enumerate(bundle.value("photos")):
        assert bundle.value(f"photos/{number}").startswith("data:image/webp;base64,")
        x0, y0, x1, y1 = about.crop
        assert -0.5 <= x0 < x1 <= about.width + 0.5 and -0.5 <= y0 < y1 <= about.height + 0.5
        assert about.label == "abcd".index(about.name[0])


def test_a_photo_tells_the_units_that_it_excites_most(bundle):
    image = bundle.value("images/4")
    assert [told.layer for told in image.layers] == [0, 1]
    shares = [unit.share for unit in image.layers[1].units]
    assert shares == sorted(shares, reverse=True) and 0 < shares[0] <= 1
    assert sum(told.probability for told in image.predictions) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("quality", [SIGNALS, PHOTOS])
def test_mid_grey_survives_the_sheets(quality):
    noise = np.random.default_rng(0).integers(0, 256, (30, 30, 3), np.uint8)
    flat = np.full((9, 9, 3), GREY, np.uint8)
    sheet = np.asarray(
        Image.open(io.BytesIO(make_sheet([make_tile(flat), make_tile(noise), make_tile(flat)], quality)))
    )
    inside = slice(EDGE, TILE - EDGE)
    assert (sheet[:TILE][inside, inside] == GREY).all()
    assert (sheet[TILE:, :TILE][inside] == GREY).all()
    assert (sheet[TILE + EDGE :, TILE:] == GREY).all()


def test_a_tile_keeps_proportions_in_the_middle_of_grey():
    tile = make_tile(np.zeros((10, 20, 3), np.uint8))
    assert (tile[:16] == GREY).all() and (tile[16:48] == 0).all() and (tile[48:] == GREY).all()


def test_hints_of_the_contract_can_be_read():
    for kind in vars(contract).values():
        if dataclasses.is_dataclass(kind):
            assert get_type_hints(kind)


@pytest.mark.parametrize("tile", [False, True])
def test_a_reader_that_keeps_gives_the_same_bits_and_decodes_each_photo_once(bundle, tile, monkeypatch):
    preparation = bundle.network.preparation
    plain, kept = (kind(bundle.index, preparation, tile) for kind in (Reader, KeptReader))
    decoded, decode = [], Reader.decode
    sizes = {entry: plain.decode(entry).shape[:2] for entry in (0, 1, 5)}
    monkeypatch.setattr(Reader, "decode", lambda self, entry: decoded.append(entry) or decode(self, entry))
    for _ in range(2):
        for entry in (0, 1, 5):
            corner = tile_boxes(*sizes[entry], SIDE, SIDE)[0]
            origin = (corner.y0, corner.x0) if tile else (0, 0)
            assert np.array_equal(kept.load(entry, origin), plain.load(entry, origin))
    assert sorted(decoded) == [0, 0, 0, 1, 1, 1, 5, 5, 5], "twice each by the plain one"


def test_a_reader_keeps_no_more_than_it_may():
    held = _Pixels(1000)
    for at in range(9):
        held.put((at,), np.zeros((10, 10, 3), np.uint8))
    assert [at for at in range(9) if held.get((at,)) is not None] == [6, 7, 8]
    held.put((9,), np.zeros((100, 10, 3), np.uint8))
    assert held.get((9,)) is None and held.get((8,)) is not None
