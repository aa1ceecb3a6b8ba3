"""python -m inspectnet.index FOLDER: one worker of a scan whose images are listed.

RANK and WORLD_SIZE, or what else the environment says, give its share; it ends once all shards are done and merged.
"""

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from inspectnet.errors import InspectError
from inspectnet.index.request import read_manifest
from inspectnet.index.running import scan_images
from inspectnet.index.worker import open_models
from inspectnet.progress import silent
from inspectnet.shards import Share, share_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Work; gives the exit code, 2 after an error in one line on stderr."""
    parser = argparse.ArgumentParser("python -m inspectnet.index", description=__doc__)
    parser.add_argument("folder", type=Path, help="of the index, which holds its manifest")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    parser.add_argument("--threads", type=int, help="cores to use, by default all")
    parser.add_argument("--share", type=int, nargs=2, metavar=("RANK", "SIZE"), help="instead of the environment's")
    parser.add_argument("--tied", action="store_true", help="end when stdin does, as with the process that holds it")
    said = parser.parse_args(arguments)
    if said.tied:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        manifest = read_manifest(said.folder)
        networks = open_models(manifest, said.device, said.threads)
        share = Share(*said.share) if said.share else share_of()
        scan_images(said.folder, manifest, networks, share, said.threads, silent)
    except InspectError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _end_with_stdin() -> None:
    """However its driver dies, the system closes what it held."""
    while os.read(0, 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
