"""Reports that no network made, of any size, for tests of the page. `python synthetic.py SITE` writes one.

Values follow explorer/src/bundle.ts; a few sheets serve all units.
"""

import base64
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

PAGE = Path(__file__).parents[2] / "inspectnet/explorer/page/index.html"
CHUNK, EXAMPLES, TILE, SIDE = 64, 9, 64, 96
AT = [0.99, 0.9, 0.5]
SMALL = (("conv1", 96), ("conv2", 256), ("a/b:c", 40))
RESNET50 = tuple((f"block{n}", 500 if n < 52 else 512) for n in range(53))  # 26,512 maps


def write_report(
    site: Path,
    layers: Sequence[tuple[str, int]] = SMALL,
    photos: int = 24,
    schema: int = 1,
    sheets: int = 4,
    units: bool = True,
) -> Path:
    """A folder with the page, made of `layers` (name, maps), and its index.html. units: with what units' pages show."""
    rng = np.random.default_rng(0)
    site.mkdir(parents=True)
    (site / "data").mkdir()
    (site / "sheets").mkdir()
    (site / "index.html").write_text(PAGE.read_text("utf-8"), "utf-8")

    def put(name: str, value: object) -> None:
        text = json.dumps(value, separators=(",", ":"))
        (site / "data" / f"{name.replace('/', '-')}.js").write_text(f"report({json.dumps(name)},{text});", "utf-8")

    for number in range(sheets):
        for kind, tiles in (("best", CHUNK), ("examples", CHUNK * EXAMPLES), ("quantiles", CHUNK * len(AT))):
            side = columns(tiles) * TILE
            _noise(rng, side).save(site / "sheets" / f"{kind}-{number}.webp", quality=60)
    put("model", _model(layers, photos, schema))
    about = {"width": SIDE, "height": SIDE, "crop": [4, 4, SIDE - 4, SIDE - 4]}
    put("photos", [{"name": f"photo-{n}.jpg", "label": n % 5, **about} for n in range(photos)])
    for n in range(photos):
        put(f"photos/{n}", _data_url(_noise(rng, SIDE)))
        put(f"images/{n}", _image(rng, layers))
    for index, (_, maps) in enumerate(layers):
        put(f"layers/{index}", _layer(rng, index, maps, photos, sheets))
        for chunk in range(-(-maps // CHUNK) if units else 0):
            put(f"layers/{index}/units/{chunk}", _units(rng, min(CHUNK, maps - chunk * CHUNK), maps, photos))
    put("results/0", _outcome())
    put("results/0/pictures/chart", _data_url(_noise(rng, SIDE)))
    return site / "index.html"


def columns(tiles: int) -> int:
    """Of a sheet that is about square."""
    return int(np.ceil(np.sqrt(tiles)))


def _noise(rng: np.random.Generator, side: int) -> Image.Image:
    small = rng.integers(0, 256, (max(2, side // 16), max(2, side // 16), 3), np.uint8)
    return Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)


def _data_url(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def _model(layers: Sequence[tuple[str, int]], photos: int, schema: int) -> dict[str, object]:
    row = {"path": "", "ops": ["Conv", "Relu"], "height": 13, "width": 13, "parameters": 9472, "scanned": True}
    return {
        "schema": schema,
        "inspectnet": "0.1.0",
        "name": "synthetic.onnx",
        "sha256": "0" * 64,
        "opset": 21,
        "input": {"name": "image", "channels": 3, "height": 88, "width": 88},
        "preprocess": {
            "input_size": [3, 88, 88],
            "mean": [0.5] * 3,
            "std": [0.25] * 3,
            "interpolation": "bilinear",
            "crop_pct": 0.9,
            "crop_mode": "center",
            "channel_order": "rgb",
        },
        "classes": [f"class {name}" for name in "abcde"],
        "accuracy": {"top1": 0.5, "top5": None, "n": 100},
        "images": {"source": "photos/", "count": photos, "skipped": 0, "walked": photos, "sha256": "1" * 64},
        "method": "deconvnet",
        "layers": [
            {
                "name": name,
                "maps": maps,
                "dead": maps // 50,
                "duplicates": n,
                "field": {"height": 7 + 8 * (n % 9), "width": 7 + 8 * (n % 9), "stride": 4, "top": -2, "left": -2},
                **row,
            }
            for n, (name, maps) in enumerate(layers)
        ],
        "photos": photos,
        "results": [{"kind": "diagnose", "title": "diagnose: synthetic.onnx"}],
        "live": None,
        "live_reason": "The network is too large for a page.",
    }


def _layer(rng: np.random.Generator, index: int, maps: int, photos: int, sheets: int) -> dict[str, object]:
    def listed(kind: str, each: int) -> list[dict[str, object]]:
        counts = [min(CHUNK, maps - start) * each for start in range(0, maps, CHUNK)]
        row = {"tile": TILE, "columns": columns(CHUNK * each)}
        return [
            {"name": f"{kind}-{(index + chunk) % sheets}", "count": count, **row} for chunk, count in enumerate(counts)
        ]

    highest = rng.gamma(2, 3, maps).round(3)
    highest[-(maps // 50) or maps :] = 0
    best, examples = listed("best", 1), listed("examples", EXAMPLES)
    return {
        "best": {"projection": best, "patch": best[::-1] if len({sheet["count"] for sheet in best}) == 1 else best},
        "examples": {"projection": examples, "patch": examples},
        "photos": rng.integers(0, photos, maps * EXAMPLES).tolist(),
        "quantiles": {"at": AT, "patch": listed("quantiles", len(AT))},
        "filters": best if index == 0 else [],
        "highest": highest.tolist(),
        "mean": (highest * rng.uniform(0.1, 0.5, maps)).round(3).tolist(),
        "active": (rng.uniform(0, 1, maps) * (highest > 0)).round(3).tolist(),
        "selectivity": rng.uniform(0, 1, maps).round(3).tolist(),
        "best_class": rng.integers(0, 5, maps).tolist(),
    }


def _units(rng: np.random.Generator, count: int, maps: int, photos: int) -> list[dict[str, object]]:
    def example(value: float) -> dict[str, object]:
        y, x = rng.integers(0, 13, 2).tolist()
        box = [4 * x - 2, 4 * y - 2, 4 * x + 29, 4 * y + 29]
        shown = {"box": box, "shown": box, "contrast": 1}
        return {"photo": int(rng.integers(photos)), "value": value, "y": y, "x": x, **shown}

    return [
        {
            "examples": [example(9 - rank) for rank in range(EXAMPLES)],
            "quantiles": [example(3 - n) for n in range(len(AT))],
            "histogram": {"edges": list(range(11)), "counts": [90, 40, 20, 9, 5, 3, 2, 1, 0, 1]},
            "classes": [{"index": k, "mean": 5 - k, "count": 20} for k in range(5)],
            "alike": [{"unit": int(rng.integers(maps)), "likeness": 0.9 - n / 10} for n in range(8)],
        }
        for _ in range(count)
    ]


def _image(rng: np.random.Generator, layers: Sequence[tuple[str, int]]) -> dict[str, object]:
    def excited(maps: int) -> list[dict[str, object]]:
        units = rng.permutation(maps)[:8].tolist()
        places = rng.integers(0, 13, (len(units), 2)).tolist()
        return [
            {"unit": unit, "value": 5.0, "share": 0.9, "y": y, "x": x}
            for unit, (y, x) in zip(units, places, strict=True)
        ]

    shown = [{"layer": n, "units": excited(maps)} for n, (_, maps) in enumerate(layers[:8])]
    return {"predictions": [{"index": k, "probability": 0.5 / (k + 1)} for k in range(5)], "layers": shown}


def _outcome() -> dict[str, object]:
    network = {
        "name": "synthetic.onnx",
        "filters": {"layer": "conv1", "rms": {"array": "rms", "shape": [3], "dtype": "float64"}},
        "dead_maps": {"conv1": [94, 95], "conv2": []},
    }
    return {
        "kind": "diagnose",
        "envelope": {"command": "diagnose", "result": {"networks": [network]}},
        "arrays": {"rms": {"shape": [3], "values": [0.3, 0.1, None]}},
        "tables": [{"title": "Layers", "columns": ["layer", "dead"], "rows": [["conv1", 2], ["conv2", None]]}],
        "pictures": ["chart"],
    }


if __name__ == "__main__":
    layers = RESNET50 if "--large" in sys.argv else SMALL
    print(write_report(Path(sys.argv[1]), layers))
