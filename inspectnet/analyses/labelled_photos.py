"""Photos with their classes, as they are on disk: what analyses read that change a photo before it is cropped."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inspectnet.classes import class_names, short_names, true_classes
from inspectnet.errors import ImageError, OptionError
from inspectnet.images import Collection, Targets, read_photo, spaced
from inspectnet.images.fit import Pixels
from inspectnet.network import Network
from inspectnet.progress import note
from inspectnet.results import Images, SkippedImage

Place = tuple[Collection, int, dict[str, int], list[str]]  # where a photo is, its source's true classes, and names


@dataclass(frozen=True)
class LabelledPhoto:
    """A photo and its class, without its pixels."""

    image: str
    """Its name in its source."""
    label: int
    """The number of its class."""
    class_name: str
    labelled: bool
    """Whether the class is the true one, else what the network takes the photo for."""

    @property
    def name(self) -> str:
        """Its file's name, without the ending."""
        return Path(self.image).stem


@dataclass(frozen=True)
class LabelledPhotos:
    """Photos of which some may have no true class."""

    photos: tuple[LabelledPhoto, ...]
    pixels: tuple[Pixels, ...]
    """[h, w, 3] as decoded, and resized as the preparation does."""
    images: Images


def read_labelled(
    network: Network, collections: Sequence[Collection], classes: str | Path | None, most: int
) -> LabelledPhotos:
    """At most `most` photos of all collections, evenly spaced; notes where classes are a guess.

    classes: a file that names them. Raises ImageError if none can be read, OptionError.
    """
    skipped, places = list[SkippedImage](), list[Place]()
    for collection in collections:
        known, names = true_classes(network, collection, classes)
        skipped += [SkippedImage(entry.id, entry.reason) for entry in collection.skipped]
        places += [(collection, i, known, short_names(names)) for i in range(len(collection))]
    photos, pixels, hashes = list[LabelledPhoto](), list[Pixels](), list[str]()
    for collection, i, known, short in (places[number] for number in spaced(len(places), most)):
        try:
            sha256, decoded = read_photo(collection, i)
            enough = network.preparation.shrink(decoded)  # or many large photos would fill the memory
            photos.append(_label(network, collection.entries[i].id, enough, known, short))
        except ImageError as error:
            skipped.append(SkippedImage(collection.entries[i].id, str(error)))
            continue
        pixels.append(enough)
        hashes.append(sha256)
    if not photos:
        first = skipped[len(skipped) - min(most, len(places))]
        raise ImageError(f"none of the images could be read; the first, {first.image}: {first.reason}")
    if len(places) > most:
        note(f"{most} of {len(places)} images, evenly spaced")
    return _gathered(photos, pixels, hashes, skipped)


def label_pixels(network: Network, held: Collection, labels: Sequence[int] | None) -> LabelledPhotos:
    """Photos that are in memory, called by their numbers, with their classes or what they are taken for.

    Raises OptionError for labels that are no classes.
    """
    pixels = [read_photo(held, i)[1] for i in range(len(held))]
    known = {} if labels is None else known_labels(held, labels, network.class_scores().classes)
    short = short_names([called[-1] for called in class_names(network, None)])
    photos = [_label(network, str(i), photo, known, short) for i, photo in enumerate(pixels)]
    hashes = [hashlib.sha256(photo.tobytes()).hexdigest() for photo in pixels]
    return _gathered(photos, pixels, hashes, [])


def known_labels(photos: Collection, labels: Sequence[int], count: int) -> dict[str, int]:
    """By photo in memory its class, one of `count`. Raises OptionError for labels that are none."""
    if photos.source is not None:
        raise OptionError("labels are for photos in memory; files have those of their folders or lists.")
    if np.shape(labels) != (len(photos),):
        raise OptionError(f"{np.size(labels)} labels are not one for each of {len(photos)} photos.")
    if wrong := [label for label in labels if not 0 <= label < count]:
        raise OptionError(f"there is no class {wrong[0]}: there are {count}, 0 to {count - 1}.")
    return {entry.id: int(label) for entry, label in zip(photos, labels, strict=True)}


def label_targets(
    network: Network, photos: Collection, labels: Sequence[int], file: str | Path | None, scores: str = ""
) -> Targets:
    """Photos in memory with the classes that were said for them. Raises OptionError for labels that are none."""
    known = known_labels(photos, labels, network.class_scores(scores).classes)
    names = tuple(called[-1] for called in class_names(network, file))
    return Targets(photos, np.array(list(known.values()), np.int64), names, False, {})


def _gathered(
    photos: list[LabelledPhoto], pixels: list[Pixels], hashes: list[str], skipped: list[SkippedImage]
) -> LabelledPhotos:
    digest = hashlib.sha256()
    for photo, sha256 in zip(photos, hashes, strict=True):
        digest.update(f"{photo.image}\0{sha256}".encode(errors="surrogatepass"))
    if guessed := sum(not photo.labelled for photo in photos):
        note(f"{guessed} of {len(photos)} photos have no true class: it is what the network takes them for")
    return LabelledPhotos(tuple(photos), tuple(pixels), Images(len(photos), digest.hexdigest(), tuple(skipped)))


def _label(network: Network, name: str, pixels: Pixels, known: dict[str, int], names: list[str]) -> LabelledPhoto:
    label = known.get(name)
    if label is None:
        scores = network.class_scores()
        answer = network.values(network.preparation.apply(pixels)[None], [scores.value])[scores.value]
        label = int(scores.of_each_class(answer).argmax())
    return LabelledPhoto(name, label, names[label], name in known)
