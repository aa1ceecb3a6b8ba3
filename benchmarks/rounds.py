"""Contenders measured in turns, so that what else the machine does falls on all of them alike; and the table of it."""

import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np

THREADS = 2  # for every contender
REST = 0.05  # s before a turn: idle threads of the contender before may still be spinning
RATIO = ("ratio", "range", "best", "CPU")  # wall time: median and range of the rounds, least by least; CPU: median
PACKAGES = ("numpy", "onnxruntime-gpu", "onnxruntime", "torch", "captum", "pillow", "simplejpeg")


@dataclass(frozen=True)
class Times:
    """What one contender took per call, round by round."""

    wall: np.ndarray
    """(rounds,) s."""
    cpu: np.ndarray
    """(rounds,) s of all threads of the process, those included that wait in a loop."""

    def times(self, factor: float) -> "Times":
        """The times of a job that is `factor` times as large."""
        return Times(self.wall * factor, self.cpu * factor)


def in_turns(contenders: Mapping[str, Callable[[], object]], rounds: int, seconds: float = 0.3) -> dict[str, Times]:
    """Each contender's times per call. Every round runs all of them, every other round in reversed order.

    seconds: short calls are repeated for about so long, and the mean counts. A first call warms up and is not counted.
    """
    repeats = {}
    for name, call in contenders.items():
        call()
        repeats[name] = max(1, round(seconds / _measure(call, 1)[0]))
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for i in range(rounds):
        for name in list(contenders)[:: -1 if i % 2 else 1]:
            taken[name].append(_measure(contenders[name], repeats[name]))
    return {name: Times(*np.array(pairs).T) for name, pairs in taken.items()}


def ratio(slower: Times, faster: Times) -> list[str]:
    """How many times as long the first took, as the columns RATIO say."""
    wall, cpu = slower.wall / faster.wall, slower.cpu / faster.cpu
    best = slower.wall.min() / faster.wall.min()
    return [f"{np.median(wall):.2f}", f"{wall.min():.2f}-{wall.max():.2f}", f"{best:.2f}", f"{np.median(cpu):.2f}"]


def milliseconds(times: Times) -> str:
    """The median per call."""
    return f"{np.median(times.wall) * 1e3:.1f}"


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference, as a part of the largest value of b."""
    return float(np.abs(a - b).max() / np.abs(b).max())


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns of plain text: the first to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    for row in (header, ["-" * width for width in widths], *rows):
        first, *others = (cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths)))  # noqa: B905
        print("  ".join([first, *others]).rstrip())


def print_setting(rounds: int) -> None:
    """The command and what it ran on."""
    module = sys.modules["__main__"].__spec__
    print(f"$ python -m {module.name if module else '?'} {' '.join(sys.argv[1:])}".rstrip())
    print(f"{os.cpu_count()} cores ({platform.machine()}), {THREADS} threads each; {rounds} rounds in turns;", end=" ")
    print(", ".join(f"{name} {found}" for name in PACKAGES if (found := _version(name))), end="\n\n", flush=True)


def _measure(call: Callable[[], object], repeats: int) -> tuple[float, float]:
    time.sleep(REST)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - wall) / repeats, (time.process_time() - cpu) / repeats


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
