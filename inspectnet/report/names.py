"""Names of layers become names of files, on any system."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

LONGEST = 100  # characters; file systems allow 255 bytes, endings and prefixes included
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # devices on Windows, not files


def file_name(layer_name: str) -> str:
    """A name for files about a layer: letters, digits and `._+=-`, whatever else becomes `_`. Not empty."""
    name = re.sub(r"[^A-Za-z0-9._+=-]", "_", layer_name)
    name = re.sub(r"^[.-]|\.$", "_", name)
    if RESERVED.fullmatch(name):
        name = f"_{name}"
    return _marked(name[: LONGEST - 9], layer_name) if len(name) > LONGEST else name or "_"


def file_names(names: Iterable[str]) -> dict[str, str]:
    """The file name of each layer; names that would share a file, capitals or not, end in a hash of their own."""
    layers = dict.fromkeys(names)
    # Windows and macOS hold Conv1 and conv1 for the same file.
    uses = Counter(file_name(layer).lower() for layer in layers)
    unique = {
        layer: name if uses[name.lower()] == 1 else _marked(name[: LONGEST - 9], layer)
        for layer, name in ((layer, file_name(layer)) for layer in layers)
    }
    assert len({name.lower() for name in unique.values()}) == len(unique), "two layers share a file name"
    return unique


def _marked(name: str, layer_name: str) -> str:
    return f"{name}-{hashlib.sha256(layer_name.encode(errors='surrogatepass')).hexdigest()[:8]}"
