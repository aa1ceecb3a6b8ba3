"""Work cut into shards, each done once by any number of workers, whatever dies meanwhile.

A shard is done when its file is there: it takes its place whole, by a rename. A worker holds a lease while it makes
one; two that make the same write the same bytes.
"""

from inspectnet.shards.array import ShardedArray
from inspectnet.shards.lease import Lease, held, living, told_by
from inspectnet.shards.placing import placed_whole, remove_parts, shard_path, twice, write_whole
from inspectnet.shards.share import WHOLE, Share, share_of
from inspectnet.shards.work import Work, try_shard, work_through
