"""python -m inspectnet.recording FOLDER: one worker that writes activations of images that are listed."""

import sys

from inspectnet.engines import work_for
from inspectnet.recording.job import RECORDING

if __name__ == "__main__":
    sys.exit(work_for(RECORDING))
