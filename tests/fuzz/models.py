"""A fuzzer of models: valid graphs with a few things wrong, one command each.

By hand `python tests/fuzz/models.py --count 5000 --seed 0`, from the root of the project.
"""

import random
import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.graphs import GRAPHS
from fuzz.mutations import mutate
from fuzz.worker import main

PHOTOS = ("--images", "photos", "--device", "cpu")
ONE = ("photos/a/1.png", "--device", "cpu", "-o", "out")
COMMANDS = [
    ["layers", "m.onnx"],
    ["layers", "m.onnx", "--json"],
    ["layers", "m.onnx", "--input-size", "16,16"],
    ["invert", "m.onnx", "-l", "conv1", "-o", "out.onnx"],
    ["invert", "m.onnx", "-l", "conv2", "-o", "out.onnx", "--split"],
    ["verify", "m.onnx"],
    ["verify", "m.onnx", "--method", "gradient"],
    ["annotate", "m.onnx", "--mean", "0.5,0.5,0.5", "--std", "1,1,1", "-o", "out.onnx"],
    ["deconv", "m.onnx", "-l", "conv1", "--maps", "1", "--top", "2", *PHOTOS, "-o", "out"],
    ["deconv", "m.onnx", "-l", "conv2", "--maps", "1", "--top", "1", *PHOTOS, "-o", "out"],
    ["explain", "m.onnx", *ONE, "--class", "0", "--method", "gradient"],
    ["explain", "m.onnx", *ONE, "--class", "0"],
    ["occlude", "m.onnx", *ONE, "-l", "conv1", "--patch", "8", "--stride", "8"],
    ["sanity", "m.onnx", *ONE],
    ["selectivity", "m.onnx", "-l", "conv2", *PHOTOS, "-o", "out"],
    ["invariance", "m.onnx", *ONE],
    ["diagnose", "m.onnx", *PHOTOS, "-o", "out"],
    ["evaluate", "m.onnx", *PHOTOS, "-o", "out"],
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
    (folder / "w.bin").write_bytes(bytes(range(256)) * 40)
    if rng.random() < 0.1:
        kind, text = rng.choice(("preprocess", "classes", "training")), rng.choice(('["a"]', "{", '{"mean": [1]}', "3"))
        (folder / f"m.{kind}.json").write_text(text)
    put_photos(folder, rng.randrange(1 << 30))
    return rng.choice(COMMANDS)


def put_photos(folder: Path, seed: int) -> None:
    """Three photos of noise, of two classes."""
    pixels = np.random.default_rng(seed)
    for name in ("a/1", "a/2", "b/3"):
        (folder / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        photo = Image.fromarray(pixels.integers(0, 256, (24, 24, 3), np.uint8))
        photo.save(folder / "photos" / f"{name}.png")


if __name__ == "__main__":
    sys.exit(main(draw))
