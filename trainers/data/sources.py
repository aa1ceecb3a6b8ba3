"""Where labelled pictures come from: class folders, tar shards, torchvision's data sets.

A source has classes, a length, and read(i); nothing is decoded before read is called.
"""

import inspect
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from trainers.data.shards import shard_members
from trainers.errors import DataError
from trainers.files.regular import regular

SUFFIXES = {
    f".{name}" for name in "apng bmp gif jfif jpe jpeg jpg mpo pbm pgm png pnm ppm tif tiff webp".split()
}  # those that inspectnet takes for images


class Source(Protocol):
    """Labelled pictures in a fixed order."""

    split: str
    classes: Sequence[str]

    def __len__(self) -> int: ...
    def name(self, i: int) -> str:
        """How a message calls picture i."""

    def read(self, i: int) -> tuple[Image.Image, int]:
        """Picture i and its label; whatever PIL raises for a broken one."""


class Files:
    """Pictures named `.../class/picture`, in files of their own or inside tar shards, read where they lie."""

    def __init__(self, split: str, places: list[tuple[str, Path, int, int]], classes: Sequence[str]) -> None:
        """places: (name, file, offset, size in bytes, -1 for all of the file) for each picture."""
        self.split, self.classes = split, classes
        self.places = sorted(places)
        label = {name: i for i, name in enumerate(classes)}
        self.labels = []
        for name, file, _, _ in self.places:
            if (folder := Path(name).parent.name) not in label:
                raise DataError(
                    f"class {folder!r} of {name} in {file} is not among the {len(classes)} training classes"
                )
            self.labels.append(label[folder])

    def __len__(self) -> int:
        return len(self.places)

    def name(self, i: int) -> str:
        """Path inside the folder or shard."""
        return self.places[i][0]

    def read(self, i: int) -> tuple[Image.Image, int]:
        """Picture i and its label."""
        _, file, offset, size = self.places[i]
        with regular(file).open("rb") as stream:
            stream.seek(offset)
            return Image.open(io.BytesIO(stream.read(size))), self.labels[i]


class Torchvision:
    """One of torchvision's data sets, by its class name."""

    def __init__(self, split: str, data: Any) -> None:
        self.split, self.data = split, data
        names = getattr(data, "classes", None) or [str(i) for i in range(getattr(data, "num_classes", 0))]
        self.classes: Sequence[str] = [", ".join(name) if isinstance(name, tuple) else str(name) for name in names]
        if not self.classes:
            raise DataError(f"torchvision's {type(data).__name__} has no classes: it is not a classification set")

    def __len__(self) -> int:
        return len(self.data)

    def name(self, i: int) -> str:
        """Its number in the set."""
        return f"{type(self.data).__name__}[{i}]"

    def read(self, i: int) -> tuple[Image.Image, int]:
        """Picture i and its label."""
        picture, label = self.data[i]
        return picture, label


def open_source(where: str, split: str, root: Path, download: bool, classes: Sequence[str] | None = None) -> Source:
    """The `split` (train or val) of a folder or of `torchvision:NAME` below `root`; val has train's classes."""
    if where.startswith("torchvision:"):
        return Torchvision(split, torchvision_set(where.removeprefix("torchvision:"), split, root, download))

    folder = Path(where)
    if not folder.is_dir():
        raise DataError(f"no data at {where}: give a folder with train and val, or torchvision:NAME")
    trees = [tree for tree in (folder / split,) if tree.is_dir()]
    shards = sorted(p for p in folder.iterdir() if re.fullmatch(rf"{split}([-_.].*)?\.tar", p.name))
    places = [place for tree in trees for place in tree_places(tree)]
    places += [place for shard in shards for place in shard_places(shard)]
    if not places:
        raise DataError(f"{where} has no {split}/CLASS/picture and no {split}*.tar with pictures")
    return Files(split, places, classes or class_names(folder) or sorted({Path(p[0]).parent.name for p in places}))


def tree_places(tree: Path) -> list[tuple[str, Path, int, int]]:
    """Pictures in class folders."""
    files = [p for p in tree.glob("*/*") if p.suffix.lower() in SUFFIXES]
    return [(f"{p.parent.name}/{p.name}", p, 0, -1) for p in files]


def shard_places(shard: Path) -> list[tuple[str, Path, int, int]]:
    """Pictures in a tar file."""
    members = [member for member in shard_members(shard) if Path(member[0]).suffix.lower() in SUFFIXES]
    return [("/".join(Path(name).parts[-2:]), shard, offset, size) for name, offset, size in members]


def class_table(folder: Path) -> list[list[str]]:
    """The rows of classes.tsv; none where there is no such file. Raises DataError."""
    table = folder / "classes.tsv"
    if not table.exists():
        return []
    try:
        return [line.split("\t") for line in regular(table).read_text("utf-8").splitlines() if line]
    except UnicodeDecodeError:
        raise DataError(f"{table} is no text in UTF-8; write it anew, or remove it") from None


def class_names(folder: Path) -> list[str]:
    """Folder names of the classes from the first column of classes.tsv, if there is one."""
    return [row[0] for row in class_table(folder)]


def readable_names(where: str, classes: Sequence[str]) -> list[str]:
    """Names for people: the second column of classes.tsv where it knows the class."""
    readable = {row[0]: row[1] for row in class_table(Path(where)) if len(row) > 1}
    return [readable.get(name, name) for name in classes]


def torchvision_set(name: str, split: str, root: Path, download: bool) -> Any:
    """Build torchvision.datasets.NAME, whose constructors disagree on how to ask for a split."""
    import torchvision.datasets as sets

    kind = getattr(sets, name, None)
    if not inspect.isclass(kind):
        raise DataError(f"torchvision has no data set {name!r}; see the names in torchvision.datasets")
    knows = inspect.signature(kind).parameters
    options = {k: v for k, v in (("root", str(root)), ("download", download)) if k in knows}
    wanted: list[dict[str, Any]] = [{}]
    if "train" in knows:
        wanted = [{"train": split == "train"}]
    elif "split" in knows:
        wanted = [{"split": "train"}] if split == "train" else [{"split": "val"}, {"split": "test"}]
    reason = ""
    for choice in wanted:
        try:
            return kind(**options, **choice)
        except TypeError as error:
            raise DataError(f"torchvision's {name} cannot be opened by its name alone: {error}") from None
        except ImportError as error:
            raise DataError(f"torchvision's {name} needs another package: {error}") from None
        except Exception as error:  # files of a set that are damaged make it raise whatever it trips over
            reason = str(error) or type(error).__name__
    raise DataError(f"torchvision's {name} ({split}) does not open below {root}: {reason}. Try --download")
