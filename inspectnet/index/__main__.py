"""python -m inspectnet.index FOLDER: one worker of a scan whose images are listed."""

import sys

from inspectnet.engines import work_for
from inspectnet.index.job import SCAN

if __name__ == "__main__":
    sys.exit(work_for(SCAN))
