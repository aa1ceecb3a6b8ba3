"""Photos as they are on disk, with their classes: what analyses read that change a photo before it is cropped."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspectnet.cli import options
from inspectnet.cli.classes import true_classes
from inspectnet.cli.telling import remark
from inspectnet.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from inspectnet.analyses.sweeps import Sweep
    from inspectnet.images import Collection
    from inspectnet.images.fit import Pixels
    from inspectnet.network import Network

Place = tuple["Collection", int, dict[str, int], list[str]]  # where a photo is, its source's true classes, and names
SAMPLES, SAMPLED = 5, 5  # changes of each photo that are shown, and photos


@dataclass(frozen=True)
class Photo:
    """One photo and its class."""

    id: str
    sha256: str
    pixels: "Pixels"
    """[h, w, 3] as decoded, and resized as the preparation does."""
    label: int
    class_name: str
    labelled: bool
    """Whether the class is the true one, else what the network takes the photo for."""

    def to_json(self) -> dict[str, Any]:
        """What a record says of it."""
        return {
            "image": self.id,
            "name": Path(self.id).stem,
            "class": self.label,
            "class_name": self.class_name,
            "labelled": self.labelled,
        }


def read_labelled(
    network: "Network", sources: list[Path], out: Path | None, classes: Path | None, most: int
) -> tuple[list[Photo], list[dict[str, str]]]:
    """At most `most` photos of all sources, evenly spaced, and which were skipped; says where classes are a guess.

    Raises ImageError if none can be read, OptionError.
    """
    from inspectnet.images import spaced
    from inspectnet.report.names import short_names

    found, skipped, places = list[Photo](), list[dict[str, str]](), list[Place]()
    for source in sources:
        collection = options.collection_of(source, out)
        known, names = true_classes(network, collection, classes)
        short = short_names(names)
        skipped += [{"image": each.id, "reason": each.reason} for each in collection.skipped]
        places += [(collection, i, known, short) for i in range(len(collection))]
    for collection, i, known, short in (places[number] for number in spaced(len(places), most)):
        try:
            found.append(_read(network, collection, i, known, short))
        except ImageError as error:
            skipped.append({"image": collection.entries[i].id, "reason": str(error)})
    if not found:
        first = skipped[len(skipped) - min(most, len(places))]
        raise ImageError(f"none of the images could be read; the first, {first['image']}: {first['reason']}")
    if len(places) > most:
        remark(f"{most} of {len(places)} images, evenly spaced")
    if guessed := sum(not photo.labelled for photo in found):
        said = f"{guessed} of {len(found)} photos have no true class: it is what the network takes them for"
        remark(said)
    return found, skipped


def _read(network: "Network", collection: "Collection", entry: int, known: dict[str, int], names: list[str]) -> Photo:
    from inspectnet.images import read_photo

    id = collection.entries[entry].id
    sha256, photo = read_photo(collection, entry)
    pixels = network.preparation.shrink(photo)  # or many large photos would fill the memory
    label = known.get(id)
    if label is None:
        scores = network.scores()
        answer = network.values(network.preparation.apply(pixels)[None], [scores.value])[scores.value]
        label = int(scores.of_each_class(answer).argmax())
    return Photo(id, sha256, pixels, label, names[label], id in known)


def sample_changes(
    network: "Network", photos: list[Photo], sweeps: "Sequence[Sweep]", direction: str, border: str
) -> tuple[list[list[list["Pixels"]]], list["np.ndarray"]]:
    """By sweep and photo what the network sees at a few amounts [H, W, 3], and these amounts."""
    import numpy as np

    from inspectnet.images.amounts import view
    from inspectnet.images.changes import make_scene

    normalise = network.preparation.normalise
    scenes = [make_scene(photo.pixels, network.preparation, border) for photo in photos[:SAMPLED]]
    shown = []
    for sweep in sweeps:
        count = len(sweep.amounts)
        whole = sweep.transform != "rotate"  # which ends where it began
        places = np.linspace(0, count - whole, min(SAMPLES, count), endpoint=whole).round().astype(int)
        shown.append(sweep.amounts[places])
    samples = [
        [
            [network.preparation.restore(normalise(view(scene, s.transform, a, direction))) for a in at]
            for scene in scenes
        ]
        for s, at in zip(sweeps, shown, strict=True)
    ]
    return samples, shown
