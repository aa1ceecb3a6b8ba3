"""A fuzzer of images, tars, lists and folders: good pictures among bad ones, one command each.

By hand `python tests/fuzz/images.py --count 1000 --seed 0`, from the root of the project.
"""

import json
import os
import random
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
from onnx import numpy_helper

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.pictures import draw_picture, good
from fuzz.shards import write_shard
from fuzz.worker import Run, main

CERTAIN = "certain.txt"  # holds how many pictures a command has to read
MODEL = """<ir_version: 8, opset_import: ["" : 17]> net (float[N,3,16,16] image) => (float[N,4] y) {
c = Conv <pads = [1, 1, 1, 1]> (image, k)
r = Relu (c)
p = GlobalAveragePool (r)
y = Flatten (p)
}"""
DECONV = ["deconv", "m.onnx", "-l", "conv1", "--maps", "1", "--top", "1", "-o", "out"]
OPTIONS = [[], [], [], [], ["--tile"], ["--threads", "3"], ["--crop-mode", "border"], ["--batch-size", "3"]]
OTHERS = [
    ["evaluate", "m.onnx", "-o", "out"],
    ["selectivity", "m.onnx", "-l", "conv1", "-o", "out"],
    ["diagnose", "m.onnx", "-l", "conv1", "--maps", "1", "-o", "out"],
]


def draw(rng: random.Random, folder: Path) -> list[str]:
    """Two good pictures, up to ten bad ones, odd files, tars and lists in `folder`, and a command."""
    model = onnx.parser.parse_model(MODEL)
    kernel = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(kernel, "k"))
    onnx.save(model, folder / "m.onnx")
    photos = folder / "photos"
    photos.mkdir()
    source, certain = rng.choice((_folder, _folder, _folder, _shard, _list, _alone))(rng, photos)
    (folder / CERTAIN).write_text(str(certain))
    classes = certain >= 4 and not (photos / "shard.tar").exists()  # whose labels may be anything
    command = rng.choice(OTHERS) if classes and rng.random() < 0.2 else [*DECONV, *rng.choice(OPTIONS)]
    return [*command, "--images", str(Path("photos", source)), "--device", "cpu"]


def miscounted(folder: Path, done: Run) -> list[str]:
    """What is wrong with how many pictures a command counts: the good ones count, however many bad ones there are."""
    certain = int((folder / CERTAIN).read_text())
    if not certain:
        return []
    if done.code != 0:
        return [f"refused {certain} good pictures beside bad ones"]
    (record,) = (json.loads(file.read_text()) for file in folder.glob("out/*.json") if _counts(file))
    counted = record["images"]["count"]
    return [f"counts {counted} of {certain} good pictures"] if counted < certain else []


def _counts(file: Path) -> bool:
    return isinstance((json.loads(file.read_text()) or {}).get("images"), dict)


def _folder(rng: random.Random, photos: Path) -> tuple[str, int]:
    """A folder for each of four classes: two good pictures and some bad ones, odd files, tars, links."""
    certain = 0
    for label in "0123":
        (photos / label).mkdir()
        for format in ("PNG", "JPEG")[: rng.randrange(1, 3)]:
            (photos / label / f"good.{format}".lower()).write_bytes(good(rng, format))
            certain += 1
    for i in range(rng.randrange(1, 10)):
        suffix, data = draw_picture(rng)
        (photos / rng.choice("0123") / f"bad{i}.{suffix}").write_bytes(data)
    if rng.random() < 0.2:
        certain += 2 * write_shard(rng, photos / "shard.tar")
    if rng.random() < 0.3:
        _add_odd(rng, photos)
    return "", certain


def _add_odd(rng: random.Random, photos: Path) -> None:
    """Files that are no files, and names that are no names."""
    odd = (
        photos
        / rng.choice("0123")
        / rng.choice(("a.jpg", "b.tar", "c", "d.tar.gz", "e.heic", "-o.png", " .jpg", "ü\udcff.png"))
    )
    match rng.randrange(7):
        case 0:
            os.mkfifo(odd)
        case 1:
            odd.symlink_to(
                rng.choice(("/dev/zero", "/dev/tty", odd, photos, photos.parent, "nowhere", "/proc/self/mem"))
            )
        case 2:
            odd.mkdir()
            (odd / "link").symlink_to(photos)
        case 3:
            for i in range(6):
                (photos / f"0/{i}").mkdir()
                for j in range(6):
                    (photos / f"0/{i}/{j}").symlink_to(photos / f"0/{j}")
        case 4:
            odd.touch()
            os.truncate(odd, rng.choice((0, 1, 3 << 30)))
        case 5:
            odd.write_bytes(rng.randbytes(3000))
        case 6:
            odd.mkdir(mode=0)


def _shard(rng: random.Random, photos: Path) -> tuple[str, int]:
    return "shard.tar", 2 * write_shard(rng, photos / "shard.tar")


def _alone(rng: random.Random, photos: Path) -> tuple[str, int]:
    suffix, data = draw_picture(rng)
    (photos / f"bad.{suffix}").write_bytes(data)
    return f"bad.{suffix}", 0


def _list(rng: random.Random, photos: Path) -> tuple[str, int]:
    """A list of the pictures of a folder, as it should be or damaged."""
    _, certain = _folder(rng, photos)
    files = sorted(path.relative_to(photos).as_posix() for path in photos.glob("*/*.*") if path.is_file())
    lines = [f"{file} {file[0]}\n".encode("utf-8", "surrogateescape") for file in files]
    suffix = rng.choice(("txt", "csv"))
    if suffix == "csv":
        lines = [b"path,label\n", *(b'"' + line[:-3] + b'",' + line[-2:] for line in lines)]
    text, whole = b"".join(lines), rng.random() < 0.5
    if not whole:
        at = rng.randrange(len(text))
        text = (
            text[:at]
            + rng.choice((b"\0", b"\xff", b'"', b"\n", b"x" * 300_000, b"", b","))
            + text[at + rng.randrange(9) :]
        )
    (photos / f"list.{suffix}").write_bytes(text)
    plain = not any(b"\xff" in line or b'"' in line[1:-4] for line in lines)
    return f"list.{suffix}", certain * (whole and plain and not (photos / "shard.tar").exists())


if __name__ == "__main__":
    sys.exit(main(draw, also=miscounted))
