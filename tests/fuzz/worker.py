"""The worker of the fuzzers: one drawn command in a forked process, its limits, and what is wrong with how it ended.

A fuzzer draws an input and a command for it; `main(draw)` makes a program of that: `--count 5000 --seed 0` runs so
many, `--only 17` one of them again, in full. Run `i` of a seed is the same whatever ran before it.
"""

import argparse
import collections
import importlib
import os
import pkgutil
import random
import re
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

CPU_SECONDS, WALL_SECONDS = 20, 600  # the latter for what waits for ever; a busy machine lets all wait
MEMORY = 2 << 30  # bytes that a run may hold, measured
ADDRESSES = 24 << 30  # bytes that it may ask for: far more, as the threads' arenas and mapped files count
TELL_EACH = 100  # runs, on stderr
ALLOWED = (0, 1, 2)  # done, a check failed, the input was wrong
OF_LIBRARIES = re.compile(r"\[[EWF]:onnxruntime|Traceback|Warning: |^WARNING|[\x00-\x09\x0b-\x1f\x7f]")

Draw = Callable[[random.Random, Path], list[str]]
"""Writes an input into the folder and gives the arguments of inspectnet, whose paths are relative to it."""


@dataclass(frozen=True)
class Run:
    """How a command ended."""

    code: int
    """The exit code, or the number of the signal that ended it, negative."""
    out: str
    err: str
    cpu: float
    """Seconds."""
    peak: int
    """Bytes in memory at the most."""


Also = Callable[[Path, Run], list[str]]
"""What else is wrong with how a command ended that ran in a folder."""


def run(arguments: Sequence[str], folder: Path) -> Run:
    """What `inspectnet ARGUMENTS` does in `folder`, in a fork of this process, which must have no threads yet."""
    place = Path(tempfile.mkdtemp())
    pid = os.fork()
    if not pid:
        _become(arguments, folder, place)
    _, status, usage = os.wait4(pid, 0)
    out, err = ((place / name).read_text("utf-8", "replace") for name in ("out", "err"))
    shutil.rmtree(place)
    return Run(os.waitstatus_to_exitcode(status), out, err, usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10)


def _become(arguments: Sequence[str], folder: Path, place: Path) -> None:
    """Turn this process into the command, and end with it."""
    import resource  # which some systems lack, as they lack forks

    code = 1
    try:
        signal.alarm(WALL_SECONDS)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS + 1, CPU_SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(place / name, os.O_WRONLY | os.O_CREAT), number)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
        os.chdir(folder)
        from inspectnet.cli import main as inspectnet

        code = inspectnet(list(arguments))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def faults(run: Run) -> list[str]:
    """What is wrong with how a command ended, each in a few words; none if all is well."""
    lines, wrong = [line for line in run.err.split("\n") if line], []
    ours = [line for line in lines if line.startswith("inspectnet: ")]
    if run.code not in ALLOWED:
        wrong.append(f"exit code {run.code}" if run.code >= 0 else f"ended by {signal.Signals(-run.code).name}")
    if run.cpu > CPU_SECONDS:
        wrong.append(f"more than {CPU_SECONDS} s of CPU time")
    if run.peak > MEMORY:
        wrong.append(f"more than {MEMORY >> 30} GiB of memory")
    if len(ours) > 1 or (run.code == 2 and (len(ours) != 1 or lines[-1] != ours[0])):
        wrong.append(f"{len(ours)} lines of the error instead of one at the end")
    if any(OF_LIBRARIES.search(line) for line in lines):
        wrong.append("lines of a library on stderr")
    return wrong


def main(draw: Draw, arguments: Sequence[str] | None = None, also: Also = lambda folder, done: []) -> int:
    """Run a fuzzer from the command line; 1 if anything went wrong, or `also` says so."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="run this one, and show all that it says")
    parser.add_argument("--keep", type=Path, help="where the inputs of what went wrong are kept")
    said = parser.parse_args(arguments)
    _import_what_commands_need()
    kinds: collections.Counter[str] = collections.Counter()
    codes: collections.Counter[int] = collections.Counter()
    for number in range(said.count) if said.only is None else [said.only]:
        if number and number % TELL_EACH == 0 and said.only is None:
            print(f"{number} of {said.count}, {sum(kinds.values())} faults", file=sys.stderr, flush=True)
        folder = Path(tempfile.mkdtemp())
        drawn = draw(random.Random(f"{said.seed}/{number}"), folder)
        done = run(drawn, folder)
        codes[done.code] += 1
        wrong, last = faults(done) + also(folder, done), (done.err.splitlines() or [""])[-1]
        if said.only is not None:
            print(done.out, done.err, f"exit code {done.code}, {done.cpu:.1f} s, {done.peak >> 20} MiB", sep="\n")
        for fault in wrong:
            kinds[f"{fault}: {re.sub(r'[0-9]+', 'N', last)[:150]}"] += 1
            print(f"{number}: {fault}: inspectnet {' '.join(drawn)}: {last[:300]}", flush=True)
        if said.keep and (wrong or said.only is not None):
            shutil.copytree(folder, said.keep / str(number), dirs_exist_ok=True, symlinks=True)
        shutil.rmtree(folder)
    print(f"exit codes: {dict(sorted(codes.items()))}; faults: {sum(kinds.values())}")
    for kind, count in kinds.most_common():
        print(f"{count:5} {kind}")
    return int(bool(kinds))


def _import_what_commands_need() -> None:
    """Once, so that a fork begins at once."""
    import inspectnet

    for module in pkgutil.walk_packages(inspectnet.__path__, "inspectnet."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
