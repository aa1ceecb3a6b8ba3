"""Activations kept on disk: an array of each layer that is asked for, in shards that are made and resumed as a scan's.

DIR/manifest.json, DIR/entries/, DIR/leases/    as of every such work: see `inspectnet.manifest`
DIR/shards/000/000123.SIGNATURE.0.npy           the first array of shard 123, a row for each image that was read
DIR/shards/000/000123.SIGNATURE.json            its images; with this file, the last one, the shard is done
"""

from inspectnet.recording.folder import ActivationFolder, open_activations
from inspectnet.recording.job import RECORDING
from inspectnet.recording.request import POOLS, ArrayRequest, Request, request_arrays
from inspectnet.recording.work import FLOAT, bytes_text
