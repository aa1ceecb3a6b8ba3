"""Records of every command, edited as by hand: python tests/fuzz/records.py --seconds 600

Each edit is refused in one line that names the folder, or loaded, printed and drawn. Prints which ended otherwise.
"""

import argparse
import contextlib
import io
import itertools
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from records import all_results, edits, write

import inspectnet
from inspectnet.errors import OptionError
from inspectnet.figures.display import Display
from inspectnet.report.keeping import figures_of
from inspectnet.report.topics import presenter

MADE_ELSEWHERE = ("run", "files", "versions", "device", "inspectnet", "format")  # members that say nothing of a result
STRIDE = 13  # edits of one command that are passed over at a time, so that a short run tries some of every kind

Record = tuple[dict[str, Any], dict[str, np.ndarray]]


def kept_records(folder: Path) -> dict[str, Record]:
    """By command the record of a small result and its arrays."""
    records = {}
    for command, result in all_results(folder).items():
        out = inspectnet.save(result, folder / "out" / command)
        arrays = out / "arrays.npz"
        told = json.loads((out / "result.json").read_text())
        records[command] = (told, dict(np.load(arrays)) if arrays.exists() else {})
    return records


def refusal(folder: Path) -> str:
    """Why a record is refused, in one line; empty if it is loaded, printed and drawn."""
    try:
        result = inspectnet.load(folder)
    except OptionError as error:
        assert str(folder) in str(error) and len(str(error).splitlines()) == 1
        return str(error)
    with contextlib.redirect_stdout(io.StringIO()):
        presenter(result).print_result(result)
    for _ in figures_of(result, Display()):
        pass
    return ""


def edited(records: dict[str, Record]) -> Iterator[tuple[str, tuple[Any, ...], str, Record]]:
    """Command, place, kind and outcome of every edit that matters, the commands in turns."""
    for first, (command, record) in itertools.product(range(STRIDE), records.items()):
        for where, kind, told, arrays in itertools.islice(edits(*record), first, None, STRIDE):
            if where and where[0] not in MADE_ELSEWHERE:
                yield command, where, kind, (told, arrays)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=600, help="of CPU time")
    end, tried, raw = time.process_time() + parser.parse_args().seconds, 0, 0
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as name:
        for command, where, kind, record in edited(kept_records(Path(name))):
            if time.process_time() > end:
                break
            tried += 1
            try:
                refusal(write(Path(name) / "edited", *record))
            except Exception as error:  # which is what it looks for
                raw += 1
                print(f"{command} {'.'.join(map(str, where))} {kind}: {type(error).__name__} {error}"[:300], flush=True)
    print(f"{tried} edits, {raw} ended otherwise than in a line or a page")
    return int(raw > 0)


if __name__ == "__main__":
    sys.exit(main())
