"""What work over many images is made of, fixed before the first one is read: the request, the images, their shards.

An index and a folder of activations each begin with a manifest; a run that finds one goes on with it.
"""

from inspectnet.manifest.beginning import list_images
from inspectnet.manifest.listing import collection_of_shard, said_of, write_listing
from inspectnet.manifest.manifest import (
    MANIFEST,
    Entries,
    Manifest,
    Request,
    RequestedLayer,
    RequestedModel,
    entries_path,
    hash_all,
    read_entries,
    read_manifest,
    signature_of,
    signature_of_request,
)
from inspectnet.manifest.requested import preprocess_of, requested_model
from inspectnet.manifest.shards import ManifestShards
