"""What one run is asked to do, and the pictures it works on."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from trainers.architectures.architecture import Architecture
from trainers.data.augment import Preparation, centre
from trainers.data.cache import open_pixels
from trainers.data.pixels import Pixels, colour_statistics, evenly_spaced
from trainers.data.sources import Source, open_source, readable_names
from trainers.devices import Place
from trainers.errors import TrainerError
from trainers.recipe.recipe import Recipe

SAMPLE = 512  # training pictures a standard start looks at
SNAPSHOTS = (1, 2, 5, 10, 20, 30, 40, 64)  # epochs; the paper's Fig. 4 shows most of them


@dataclass(frozen=True)
class Job:
    """One run: what is trained, how, on what, and where its files go."""

    architecture: Architecture
    recipe: Recipe
    data: str
    """A folder with train and val (class folders or tar shards), or torchvision:NAME."""
    run: Path
    """Directory of the run: checkpoint, metrics, snapshots, the finished graph."""
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
    """Threads torch computes with on a CPU; torch's choice by default."""
    precision: str = "auto"
    """auto: mixed on CUDA, float32 on a CPU; float32; bfloat16: mixed, also on a CPU whose cores multiply it."""
    workers: int | None = None
    """Loader processes; 0 reads in the loop; None takes as many as help."""
    cache: Path | None = None
    """Where decoded pictures are kept; `cache` beside the run by default."""
    cache_limit: float = 8.0
    """GB; larger sets are decoded while training."""
    root: Path = field(default_factory=lambda: Path("data"))
    """Where torchvision's data sets lie."""
    download: bool = False
    checkpoint_minutes: float = 3.0
    """At most this much work is lost when the run is killed."""
    snapshots: tuple[int, ...] = SNAPSHOTS
    hold_out: int = 0
    """Training pictures, evenly by class, that are not trained on but measured in place of val."""
    train_sample: int = 0
    """Training pictures that are measured after each epoch as the validation pictures are."""
    stop_after: int | None = None
    """End after this many steps of this process, as if asked to stop."""

    def __post_init__(self) -> None:
        if self.threads is not None and self.threads < 1:
            raise TrainerError(f"threads {self.threads}: give at least 1")
        if self.workers is not None and self.workers < 0:
            raise TrainerError(f"workers {self.workers}: give 0, to read in the loop, or more")
        if self.architecture.classes < 2:
            raise TrainerError(f"{self.data} has {self.architecture.classes} class; there is nothing to tell apart")
        if self.recipe.side < self.architecture.side:
            needed = f"{self.architecture.name} takes pictures of {self.architecture.side}"
            raise TrainerError(f"recipe: side is {self.recipe.side}, but {needed}; --set side={self.architecture.side}")


@dataclass(frozen=True)
class Pictures:
    """Both halves of the data, and how they become network input."""

    train: Pixels
    val: Pixels
    classes: list[str]
    prepare: Preparation
    seen: Pixels | None = None
    """The training pictures as large as those of `val`, where a job measures some of them."""

    def sample(self, side: int) -> Tensor:
        """Some training pictures as the network sees them, the same in every process: (N, 3, side, side)."""
        numbers = evenly_spaced(len(self.train), SAMPLE)
        pictures, _, _ = self.train.__getitems__(numbers)
        return self.prepare(centre(pictures, side))

    def notes(self, job: Job) -> dict[str, Any]:
        """For metadata: no path of this machine, only the folder's name."""
        name = job.data if job.data.startswith("torchvision:") else Path(job.data).name
        sizes = {"name": name, "train": len(self.train), "val": len(self.val), "classes": len(self.classes)}
        return sizes | ({"held_out": job.hold_out} if job.hold_out else {})


def open_pictures(job: Job, place: Place) -> Pictures:
    """Open both halves; the first process fills the cache, the others wait for it."""
    if not place.first:
        place.wait()
    train_source, train, val, seen = open_halves(job)
    if place.first:
        place.wait()

    mean, std = colour_statistics(train)
    if job.recipe.std is not None:
        std = [job.recipe.std] * 3
    return Pictures(train, val, readable_names(job.data, train_source.classes), Preparation(mean, std), seen)


def open_halves(job: Job) -> tuple[Source, Pixels, Pixels, Pixels | None]:
    """The source of the training pictures, these, those to measure on, and the training pictures as large as those."""
    cache, side = job.cache or job.run.parent / "cache", job.recipe.measured_side(job.architecture.side)
    source = open_source(job.data, "train", job.root, job.download)
    train = open_pixels(source, job.recipe.side, cache, job.cache_limit)
    seen = open_pixels(source, side, cache, job.cache_limit) if job.hold_out or job.train_sample else None
    if job.hold_out and seen is not None:
        seen, val = seen.hold_out(job.hold_out)
        return source, train.hold_out(job.hold_out)[0], val, seen
    val_source = open_source(job.data, "val", job.root, job.download, source.classes)
    return source, train, open_pixels(val_source, side, cache, job.cache_limit), seen


def identity(job: Job, pictures: Pictures) -> dict[str, Any]:
    """What has to be the same when a run goes on."""
    return {
        "architecture": asdict(job.architecture),
        "recipe": job.recipe.as_dict(),
        "seed": job.seed,
        "data": pictures.notes(job),
    }
