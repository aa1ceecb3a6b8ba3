"""A fuzzer of models: valid graphs with a few things wrong, one command each.

By hand `python tests/fuzz/models.py --count 5000 --seed 0`, from the root of the project.
"""

import json
import random
import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.graphs import GRAPHS
from fuzz.mutations import mutate
from fuzz.worker import Run, main

PHOTOS = ("--images", "photos", "--device", "cpu")
ONE = ("photos/a/1.png", "--device", "cpu", "-o", "out")
NAMES = ("a/1", "a/2", "b/3", "b/4")
WEIGHTS = bytes(range(256)) * 40
SIGNALS = ("--scale", "page", "--clip", "100", "--no-zoom", "--format", "svg,pdf")
COMMANDS = [
    ["layers", "m.onnx"],
    ["layers", "m.onnx", "--json"],
    ["layers", "m.onnx", "--input-size", "16,16"],
    ["layers", "m.onnx", "--input-size", "16,16", "--alias", "eye=conv1", "--wide", "-o", "out"],
    ["invert", "m.onnx", "-l", "conv1", "-o", "out.onnx"],
    ["invert", "m.onnx", "-l", "conv2", "-o", "out.onnx", "--split"],
    ["invert", "m.onnx", "-l", "conv2:pre", "-m", "gradient", "-o", "w.onnx", "--force"],
    ["verify", "m.onnx"],
    ["verify", "m.onnx", "--method", "gradient"],
    ["verify", "m.onnx", "photos/a/1.png", "-l", "*", "-m", "deconvnet:unpool=overwrite:lrn=gradient", "--verbose"],
    ["annotate", "m.onnx", "--mean", "0.5,0.5,0.5", "--std", "1,1,1", "-o", "out.onnx"],
    ["annotate", "m.onnx", "--classes", "names.txt", "-o", "w.onnx", "--force"],
    ["deconv", "m.onnx", "-l", "conv1", "--maps", "1", "--top", "2", *PHOTOS, "-o", "out"],
    ["deconv", "m.onnx", "-l", "conv2", "--maps", "1", "--top", "1", *PHOTOS, "-o", "out"],
    ["deconv", "m.onnx", "-l", "conv*:1", "-l", "conv2", *ONE, "--tile", "--names", *SIGNALS],
    ["explain", "m.onnx", *ONE, "--class", "0", "--method", "gradient"],
    ["explain", "m.onnx", *ONE, "--class", "0"],
    ["explain", "m.onnx", *ONE, "-m", "all", *SIGNALS],
    ["explain", "m.onnx", *ONE, "-m", "smoothgrad:samples=2,layer_cam:layer=conv1,lrp:composite=epsilon", "--json"],
    ["occlude", "m.onnx", *ONE, "-l", "conv1", "--patch", "8", "--stride", "8"],
    ["occlude", "m.onnx", *ONE, "--boxes", "boxes.json", "--fill", "blur", "--by", "max", "--others", "photos/b"],
    ["sanity", "m.onnx", *ONE],
    ["sanity", "m.onnx", *ONE, "-m", "deconvnet,lrp", "--repeats", "2"],
    ["selectivity", "m.onnx", "-l", "conv2", *PHOTOS, "-o", "out"],
    ["selectivity", "m.onnx", "-l", "conv1", *PHOTOS, "-m", "gradient", "--units", "1", "--others", "1", "-o", "out"],
    ["invariance", "m.onnx", *ONE],
    ["invariance", "m.onnx", *ONE, "-t", "rotate=-5:5:5,zoom", "--border", "mirror", "--distance", "cosine"],
    ["invariance", "m.onnx", *ONE, "-t", "translate", "--by-pixel", "--direction", "diagonal"],
    ["diagnose", "m.onnx", *PHOTOS, "-o", "out"],
    ["diagnose", "m.onnx", "n.onnx", *PHOTOS, "-l", "conv1", "--maps", "2", "-o", "out"],
    ["evaluate", "m.onnx", *PHOTOS, "-o", "out"],
    ["evaluate", "n.onnx", "m.onnx", *PHOTOS, "--crops", "10", "-o", "out"],
    ["evolve", "m.onnx", "n.onnx", "-l", "conv*", *PHOTOS, "--epochs", "1,2", "--maps", "1", "-o", "out"],
    ["correspond", "m.onnx", "parts.json", "-l", "conv1", "--randoms", "2", "--device", "cpu", "-o", "out"],
]  # fmt: skip


def draw(rng: random.Random, folder: Path) -> list[str]:
    """A model with up to four things wrong in `folder`, photos beside it, and a command."""
    model = rng.choice(GRAPHS)()
    for _ in range(rng.choice((0, 1, 1, 1, 1, 2, 2, 4))):
        mutate(model, rng)
    data = model.SerializeToString()
    if rng.random() < 0.05:
        data = data[: rng.randrange(len(data))]
    if rng.random() < 0.1:
        at, some = rng.randrange(len(data) + 1), bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9)))
        data = data[:at] + some + data[at + rng.choice((0, len(some))) :]
    (folder / "m.onnx").write_bytes(data)
    (folder / "w.onnx").write_bytes(WEIGHTS)
    if rng.random() < 0.1:
        kind, text = rng.choice(("preprocess", "classes", "training")), rng.choice(('["a"]', "{", '{"mean": [1]}', "3"))
        (folder / f"m.{kind}.json").write_text(text)
    put_beside(folder, rng.randrange(1 << 30))
    return rng.choice(COMMANDS)


def put_beside(folder: Path, seed: int) -> None:
    """Four photos of noise, of two classes, boxes and parts in them, names of classes and a sound network."""
    (folder / "n.onnx").write_bytes(GRAPHS[0]().SerializeToString())
    (folder / "names.txt").write_text("a\nb\nc\nd\ne\n")
    (folder / "boxes.json").write_text('{"photos/a/1.png": [2, 2, 20, 20]}')
    parts = {"eye": [2, 3, 9, 9], "nose": [9, 10, 16, 16]}
    images = [{"image": f"photos/{name}.png", "parts": parts} for name in NAMES]
    (folder / "parts.json").write_text(json.dumps({"images": images}))
    pixels = np.random.default_rng(seed)
    for name in NAMES:
        (folder / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        photo = Image.fromarray(pixels.integers(0, 256, (24, 24, 3), np.uint8))
        photo.save(folder / "photos" / f"{name}.png")


def overwritten(folder: Path, done: Run) -> list[str]:
    """What is wrong with the files that the command had to read: whatever it was told, it replaces none."""
    model = (folder / "m.onnx").read_bytes()
    kept = (folder / "w.onnx").read_bytes() == WEIGHTS
    weights = b"w.onnx" in model and not kept and done.code == 0
    return ["the weights are overwritten"] * weights


if __name__ == "__main__":
    sys.exit(main(draw, also=overwritten))
