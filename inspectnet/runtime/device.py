"""Devices: what onnxruntime runs on, and why not on something else."""

import ctypes
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspectnet.errors import DeviceError, OptionError

LOCAL_RANKS = ("LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID")
"""Variables in which torchrun, mpirun and srun tell the number of a process among those of its host."""

DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


@dataclass(frozen=True)
class Device:
    """The device that was taken and the reason."""

    name: str
    """`cpu` or `cuda:0`."""
    why: str
    """One sentence: what was taken, and what stood against the other."""
    hindered: bool = False
    """Whether there is a GPU that would be faster, and something of CUDA is missing."""

    @property
    def cuda(self) -> bool:
        """Whether it is a CUDA device."""
        return self.name.startswith("cuda")

    @property
    def index(self) -> int:
        """The number of the CUDA device; 0 for the CPU."""
        return int(self.name.partition(":")[2] or 0)

    @property
    def providers(self) -> list[Any]:
        """The execution providers for a session, the first choice first."""
        cpu = "CPUExecutionProvider"
        if not self.cuda:
            return [cpu]
        # full float32: tensor-float-32 would round what the CPU does not
        return [("CUDAExecutionProvider", {"device_id": self.index, "use_tf32": "0"}), cpu]


def choose_device(wanted: str = "auto") -> Device:
    """The device that `auto`, `cpu`, `cuda` or `cuda:1` means here.

    Of several GPUs each of the processes that were started together on a host takes another one.
    Raises OptionError for another word, DeviceError if CUDA is asked for and something of it is missing.
    """
    if re.fullmatch(r"auto|cpu|cuda(:\d+)?", wanted) is None:
        raise OptionError(f"no device '{wanted}'. Say auto, cpu, cuda or cuda:1.")
    if wanted == "cpu":
        return Device("cpu", "cpu, as asked")
    missing = missing_for_cuda()
    if missing is None:
        name = f"cuda:{_local_rank() % max(count_gpus(), 1)}" if wanted in ("auto", "cuda") else wanted
        return Device(name, f"{name}, its libraries are all here" if wanted == "auto" else f"{name}, as asked")
    if wanted != "auto":
        raise DeviceError(f"no {wanted} here: {missing}. Mend that, or say --device cpu.")
    return Device("cpu", f"cpu; not cuda: {missing}", hindered=_loads(DRIVER))


def count_gpus() -> int:
    """How many CUDA devices this process sees; 0 without a driver."""
    count = ctypes.c_int(0)
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        return 0
    done = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
    return count.value if done else 0


def _local_rank() -> int:
    said = (os.environ.get(name, "") for name in LOCAL_RANKS)
    return next((int(rank) for rank in said if rank.isdecimal()), 0)


def missing_for_cuda() -> str | None:
    """The first thing that CUDA lacks on this machine, in words; None if it is all there."""
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "this onnxruntime is built without CUDA (install onnxruntime-gpu)"
    if not _loads(DRIVER):
        return f"the NVIDIA driver is missing ({DRIVER} does not load)"
    folder = Path(onnxruntime.__file__).parent / "capi"
    onnxruntime.preload_dlls(directory="")  # from the nvidia-* packages, if they are installed
    library = next(folder.glob("*onnxruntime_providers_cuda*"), None)
    if library is None:
        return "onnxruntime's CUDA library is missing (install onnxruntime-gpu again)"
    return _why_not(library)


def _why_not(library: Path) -> str | None:
    """What the loader says of onnxruntime's CUDA library; it needs the other half of onnxruntime in memory first."""
    for shared in library.parent.glob("*onnxruntime_providers_shared*"):
        ctypes.CDLL(str(shared), mode=getattr(ctypes, "RTLD_GLOBAL", 0))
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        text = str(error)
        return None if "undefined symbol" in text else f"a CUDA library is missing ({text})"
    return None


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
