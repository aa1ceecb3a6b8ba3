"""Drawn faces whose parts are known: `python tests/faces.py FOLDER [COUNT] [SIDE]` writes them with parts.json.

Place, size and colours vary. The ground is busy, as in photos: on a plain one hiding it would change nothing, and
random places would look consistent for that alone.
"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

FINE = 4  # drawn so many times larger, then reduced


def ground(rng, side):
    """A busy ground: noise of several sizes in colours of its own."""
    total = np.zeros((side, side, 3))
    for cells in (4, 8, 16, 32):
        noise = rng.normal(0, 40, (cells, cells, 3)) + rng.normal(0, 30, (cells, cells, 1))
        layers = [Image.fromarray(noise[..., c]).resize((side, side), Image.Resampling.BICUBIC) for c in range(3)]
        total += np.stack([np.asarray(layer) for layer in layers], axis=-1)
    return Image.fromarray((128 + total).clip(0, 255).astype(np.uint8))


def draw_face(rng, side):
    """One face on its ground, and the boxes of its parts."""
    picture = ground(rng, FINE * side)
    draw, unit = ImageDraw.Draw(picture), side * rng.uniform(0.30, 0.38)  # half the height of the head
    x, y = side * (0.5 + rng.uniform(-0.07, 0.07, 2))
    skin = np.array([225, 180, 150]) * rng.uniform(0.7, 1.1, 3)
    iris = rng.integers(0, 90, 3)

    def ellipse(at, radii, colour):
        box = [at[0] - radii[0], at[1] - radii[1], at[0] + radii[0], at[1] + radii[1]]
        draw.ellipse([FINE * float(n) for n in box], fill=tuple(int(c) for c in np.clip(colour, 0, 255)))

    def box(at, radii):
        left, top = (int(np.floor(c - r)) for c, r in zip(at, radii, strict=True))
        right, bottom = (int(np.ceil(c + r)) for c, r in zip(at, radii, strict=True))
        return [max(left, 0), max(top, 0), min(right, side), min(bottom, side)]

    ellipse((x, y), (0.8 * unit, unit), skin)
    parts = {}
    for name, sign in (("right eye", -1), ("left eye", 1)):
        at = (x + sign * 0.33 * unit, y - 0.25 * unit)
        ellipse(at, (0.2 * unit, 0.13 * unit), (245, 245, 245))
        ellipse(at, (0.11 * unit, 0.12 * unit), iris)
        parts[name] = box(at, (0.24 * unit, 0.18 * unit))
    nose = (x, y + 0.2 * unit)
    ellipse(nose, (0.13 * unit, 0.12 * unit), skin * 0.45)
    parts["nose"] = box(nose, (0.2 * unit, 0.19 * unit))
    ellipse((x, y + 0.58 * unit), (0.32 * unit, 0.09 * unit), (170, 40, 50))
    return picture.resize((side, side), Image.Resampling.BOX), parts


def write_faces(folder, count=5, side=64, seed=0):
    """Draw faces into a folder; gives the file that marks their parts."""
    rng, images = np.random.default_rng(seed), []
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture, parts = draw_face(rng, side)
        picture.save(folder / f"face{number}.png")
        images.append({"image": f"face{number}.png", "parts": parts})
    (folder / "parts.json").write_text(json.dumps({"images": images}, indent=1))
    return folder / "parts.json"


if __name__ == "__main__":
    write_faces(Path(sys.argv[1]), *map(int, sys.argv[2:]))
