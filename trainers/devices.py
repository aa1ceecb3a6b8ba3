"""Where a run computes: one CPU, one GPU, or many processes under torchrun."""

import ctypes
import gc
import importlib
import os
import sys
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from trainers.errors import TrainerError

PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class Place:
    """This process among `world` processes, and its device."""

    device: torch.device
    rank: int = 0
    world: int = 1
    precision: str = "auto"

    @property
    def first(self) -> bool:
        """The process that prints and writes."""
        return self.rank == 0

    @property
    def half(self) -> torch.dtype | None:
        """Type for mixed precision: by default one on CUDA, none on a CPU."""
        if self.precision == "bfloat16":
            return torch.bfloat16
        if self.precision == "float32" or self.device.type != "cuda":
            return None
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16

    def autocast(self) -> torch.autocast:
        """Mixed precision, where there is any."""
        return torch.autocast(self.device.type, self.half, enabled=self.half is not None)

    def total(self, numbers: Tensor) -> Tensor:
        """Sum over all processes."""
        if self.world > 1:
            dist.all_reduce(numbers)
        return numbers

    def any(self, flag: bool) -> bool:
        """Whether any process says so."""
        return flag if self.world == 1 else bool(self.total(torch.tensor(float(flag), device=self.device)).item())

    def wait(self) -> None:
        """Until every process is here."""
        if self.world > 1:
            dist.barrier()

    def spread(self, net: nn.Module) -> nn.Module:
        """The network, with gradients averaged over processes."""
        if self.world == 1:
            return net
        return DistributedDataParallel(net, device_ids=[self.device.index] if self.device.type == "cuda" else None)


def join(device: str, threads: int | None = None, precision: str = "auto") -> Place:
    """This process' place: from torchrun's environment, or alone; `threads` to compute with on a CPU."""
    if precision not in PRECISIONS:
        raise TrainerError(f"precision {precision!r}: give {', '.join(PRECISIONS)}")
    if threads is not None:
        torch.set_num_threads(threads)
    if device not in ("auto", "cpu") and not device.startswith("cuda"):
        raise TrainerError(f"device {device!r}: give auto, cpu, cuda or cuda:N")
    cuda = torch.cuda.is_available() if device == "auto" else device.startswith("cuda")
    if cuda and not torch.cuda.is_available():
        raise TrainerError(f"device {device!r}: torch sees no CUDA device here; try --device cpu")
    world, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    name = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if cuda and ":" not in device else device
    place = Place(torch.device(name if cuda else "cpu"), rank, world, precision)
    if cuda:
        torch.cuda.set_device(place.device)
        torch.backends.cudnn.benchmark = True
    else:
        keep_freed_memory()
    if world > 1 and not dist.is_initialized():
        # A spread network imports it, and when a group is there by then, the group is never freed: its threads run on
        # into the end of the interpreter, and now and then take the process down.
        importlib.import_module("torch._dynamo")
        dist.init_process_group("nccl" if cuda else "gloo")
    return place


def is_first() -> bool:
    """Whether this is the only process, or the first of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def leave(place: Place) -> None:
    """End the process group and its threads; nothing may hold on to the group any more."""
    if place.world > 1 and dist.is_initialized():
        gc.collect()  # a network that was spread holds the group, and itself in a circle
        dist.destroy_process_group()


def keep_freed_memory() -> None:
    """Let glibc reuse the large blocks a step frees; by default the kernel maps and zeroes each anew."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        trim_threshold, mmap_max = -1, -4
        libc.mallopt(mmap_max, 0)
        libc.mallopt(trim_threshold, 2**31 - 1)
