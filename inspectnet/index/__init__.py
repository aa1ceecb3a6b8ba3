"""A scan kept on disk: what every map of some layers answers to every image, resumed, merged and asked again.

manifest (which images, which layers) -> shards (statistics of some 2,000 images each) -> merged (of all)
"""

from inspectnet.index.among import Among
from inspectnet.index.index import Index, open_index
from inspectnet.index.job import SCAN
from inspectnet.index.merging import merge, merged_file
from inspectnet.index.request import Manifest, Request, read_manifest
from inspectnet.index.statistics import Statistics
from inspectnet.index.work import ScanWork, layers_of, shard_file
