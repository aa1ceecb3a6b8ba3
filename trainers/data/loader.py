"""Batches from pictures, read by worker processes where that keeps the device busy."""

import os
from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader

from trainers.data.pixels import Batch, CachedPixels, Pixels
from trainers.devices import Place
from trainers.errors import DataError

MOST_WORKERS = 8


def load(pixels: Pixels, batches: list[list[int]], place: Place, workers: int | None) -> Iterator[Batch]:
    """The batches, given as numbers of pictures; `workers` processes, or as many as help when None."""
    cuda = place.device.type == "cuda"
    if workers is None:
        # on a CPU, cached pictures take a millisecond a batch: a second process would only take a core away
        workers = 0 if isinstance(pixels, CachedPixels) and not cuda else min(MOST_WORKERS, os.cpu_count() or 1)
    loader: DataLoader[Batch] = DataLoader(
        pixels, batch_sampler=batches, num_workers=workers, collate_fn=as_it_is, pin_memory=cuda
    )
    try:
        yield from loader
    except DataError as error:  # of a worker, whose whole traceback torch makes part of the message
        raise DataError(str(error).rpartition("DataError: ")[2].strip()) from None
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        first = str(error).splitlines()[0]
        raise DataError(
            f"a loader process has ended ({first}); give fewer --workers, or 0 to read in the loop"
        ) from None


def as_it_is(batch: Any) -> Any:
    """The pixels come as a batch already."""
    return batch
