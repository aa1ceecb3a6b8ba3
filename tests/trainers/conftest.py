"""A small network, small pictures, and the real data where it is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainers.architectures.architecture import CEIL, SAME_3, Architecture, Conv, Norm, Pool
from trainers.job import Job
from trainers.recipe.recipe import TINY

DATA = Path(__file__).parents[3] / "shared/data/tiny-imagenet-100"

SMALL = Architecture(
    "small",
    20,
    (
        Conv(1, 6, 7, stride=2, pads=(0, 0, 1, 1), pool=CEIL, norm=True),
        Conv(2, 8, 3, pads=SAME_3, groups=2, pool=Pool(pad=1), norm=True),
    ),
    ((6, 12), (7, 12)),
    classes=3,
    norm=Norm(alpha=2.5, bias=1.0),
)


def write_pictures(folder: Path, split: str, count: int, side: int = 24) -> None:
    """Noise with a colour of its own for each of three classes."""
    rng = np.random.default_rng(len(split))
    for c, name in enumerate(("blue", "green", "red")):
        (folder / split / name).mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(0, 80, (side, side + i % 3, 3))
            pixels[..., 2 - c] += 120
            Image.fromarray(pixels.astype(np.uint8)).save(folder / split / name / f"{i}.png")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders: 3 x 12 pictures to train on, 3 x 4 to measure on."""
    folder = tmp_path_factory.mktemp("pictures")
    write_pictures(folder, "train", 12)
    write_pictures(folder, "val", 4)
    return folder


@pytest.fixture
def job(pictures: Path, tmp_path: Path) -> Job:
    """Three epochs of four steps."""
    recipe = replace(TINY, epochs=3, batch=8, side=24)
    return Job(SMALL, recipe, str(pictures), tmp_path / "run", device="cpu", threads=1, snapshots=(1,))


@pytest.fixture
def tiny_imagenet() -> Path:
    """The 100 classes the models are trained on; tests skip without them."""
    if not DATA.is_dir():
        pytest.skip(f"no data at {DATA}")
    return DATA
