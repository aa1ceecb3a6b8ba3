"""The index: a collection of images that knows what excites the maps of some layers, without looking again."""

import contextlib
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import LayerError, OptionError, SourceError, nearest
from inspectnet.files.npz import read_npz
from inspectnet.graph.layers import Layer
from inspectnet.images import Collection, Seen, Skipped
from inspectnet.images.reader import ABSENT
from inspectnet.images.seen import row_ids
from inspectnet.index.among import Among
from inspectnet.index.listed import ListedEntries
from inspectnet.index.merging import merged_file
from inspectnet.index.request import Manifest, read_manifest
from inspectnet.index.statistics import Statistics, from_bytes
from inspectnet.index.work import ROWS, SHA256, UNREAD, read_statistics, shard_file
from inspectnet.manifest import hash_all, preprocess_of
from inspectnet.network import Network
from inspectnet.scanning import Ranking
from inspectnet.shards import ShardedArray


@dataclass(frozen=True)
class Excited:
    """How strongly an image excites a map."""

    map: int
    value: float
    share: float
    """Of the map's highest activation in the index."""


@dataclass(frozen=True)
class Index(Collection):
    """The images of a scan, and what it found."""

    folder: Path = field(kw_only=True)
    manifest: Manifest = field(kw_only=True, repr=False)

    @property
    def is_photo(self) -> bool:
        """It is a collection, if of a single image."""
        return False

    def signature(self) -> str:
        """A hash of what it was made of."""
        return hash_all(self.manifest.signatures)

    @property
    def tile(self) -> bool:
        """Whether its rows are tiles."""
        return self.manifest.request.tile

    @cached_property
    def seen(self) -> Seen:
        """What was read of its images. Raises OptionError for a damaged shard, or one that is not there yet."""
        seen = Seen(self, 0, self.tile)
        for number in range(self.manifest.shards):
            path, first, size = self._shard(number), self.manifest.first(number), self.manifest.size(number)
            try:
                arrays = read_npz(path, lambda name: name in (ROWS, SHA256, UNREAD))
                rows, hashes = arrays[ROWS], arrays[SHA256]
                _check_rows(rows, hashes, size)
                seen.unread += [Skipped(str(id), str(reason)) for id, reason in from_bytes(arrays[UNREAD])]
            except FileNotFoundError:
                raise self._incomplete() from None
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise _damaged(path, error) from error
            seen.hashes += map(bytes, hashes)
            seen.note_keys(rows + np.array([first, 0, 0], np.int64))
        return seen

    def _shard(self, number: int) -> Path:
        return shard_file(self.folder, self.manifest, number)

    def _incomplete(self) -> OptionError:
        done = sum(self._shard(number).exists() for number in range(self.manifest.shards))
        what = f"the index {self.folder} is not complete: {done} of {self.manifest.shards} shards are there"
        return OptionError(f"{what}. Run its scan again, which goes on.")

    def statistics(self, network: Network, layer: Layer | str) -> Statistics:
        """How the maps of a layer answer to all images. Raises OptionError for another model, LayerError."""
        return self.statistics_of([(network, layer)])[0]

    def statistics_of(self, pairs: Sequence[tuple[Network, Layer | str]]) -> list[Statistics]:
        """The statistics of many layers at once, which takes less time than one by one."""
        places = [self._place(network, layer) for network, layer in pairs]
        names, path = [f"{model}/{at}" for _, model, at in places], merged_file(self.folder, self.manifest)
        try:
            held = read_statistics(path, {name: layer for name, (layer, *_) in zip(names, places, strict=True)}, 0)
            for statistics in held.values():
                entries = statistics.top.result().keys[..., 0]
                if entries.size and not -1 <= entries.min() <= entries.max() < self.manifest.images:
                    raise ValueError("it tells of images that there are not")
            return [held[name] for name in names]
        except FileNotFoundError:
            raise self._incomplete() from None
        except (OSError, ValueError, KeyError) as error:
            raise _damaged(path, error) from error

    def holds(self, network: Network, layer: Layer) -> bool:
        """Whether it was scanned by that network's maps of a layer. Raises OptionError for another model."""
        layers = self.manifest.request.models[self._model(network)].layers
        return layer.output in {indexed.output for indexed in layers}

    @contextlib.contextmanager
    def open(self, index: int) -> Iterator[io.BufferedIOBase]:
        """The bytes of one image, as `Collection.open`. Raises SourceError if they have changed since the scan."""
        with super().open(index) as file:
            known, now = self.seen.hashes[index], hashlib.file_digest(file, "sha256").digest()
            if known not in (now, ABSENT):
                raise SourceError(f"{self.entries[index].id} has changed since it was scanned. Run its scan again.")
            file.seek(0)
            yield file

    def layers_of(self, network: Network) -> list[Layer]:
        """The layers of a network that it holds. Raises OptionError for another model."""
        return [network.layer(layer.name) for layer in self.manifest.request.models[self._model(network)].layers]

    def ranking(self, network: Network, layer: Layer, top: int) -> Ranking:
        """The strongest activations of each map. Raises OptionError for more than it keeps, or another model."""
        return self.rankings(network, [layer], top)[0]

    def rankings(self, network: Network, layers: Sequence[Layer], top: int) -> list[Ranking]:
        """Those of many layers at once, which takes less time than one by one."""
        for layer in layers:  # first: of another model or layer, scanning again with more would not do
            self._place(network, layer)
        kept = self.manifest.request.top
        if top > kept:
            what = f"the index {self.folder} keeps {kept} activations of each map, not {top}"
            raise OptionError(f"{what}. Ask for fewer, or scan with --top {top}.")
        held = [one.top.result() for one in self.statistics_of([(network, layer) for layer in layers])]
        return [Ranking(one.layer, one.values[:, :top], one.keys[:, :top], one.places[:, :top]) for one in held]

    def maxima(self, network: Network, layer: Layer | str) -> ShardedArray:
        """(rows of `seen`, maps) float16: each image's strongest activation of each map, read when it is indexed.

        Raises OptionError for an index that was made without them, or of another model, LayerError.
        """
        layer, model, number = self._place(network, layer)
        self._refuse_without_maxima()
        starts = np.searchsorted(
            self.seen.keys[:, 0], [*map(self.manifest.first, range(self.manifest.shards)), self.manifest.images]
        )
        name, shape = f"{model}/{number}/images", (layer.maps,)

        def read(shard: int) -> NDArray[np.float16]:
            path = self._shard(shard)
            try:
                array = read_npz(path, lambda member: member == name)[name]
                if array.dtype != np.float16 or array.shape != (starts[shard + 1] - starts[shard], *shape):
                    raise ValueError(f"its maxima have the shape {array.shape}")
                return array
            except (OSError, ValueError, KeyError) as error:
                raise _damaged(path, error) from error

        return ShardedArray(f"maxima of {layer.name}", shape, np.float16, starts, read)

    def among(
        self, label: str | None = None, *, entries: Sequence[int] | None = None, at_most: float | None = None
    ) -> Among:
        """Its images of a label, or of these numbers, by default all; `deconv` shows their strongest activations.

        at_most: up to which part of each map's highest activation in the whole index activations count, by default
        all. Raises OptionError for an index that was made without the maxima of each image, or no images.
        """
        self._refuse_without_maxima()
        if at_most is not None and not 0 < at_most <= 1:
            raise OptionError(f"activations are at most a part of the highest, above 0 and up to 1, not {at_most}.")
        numbers: Sequence[int] = range(len(self))
        if entries is not None or label is not None:
            numbers = sorted(set(self._filed_under(label or "") if entries is None else entries))
        if not numbers or numbers[0] < 0 or numbers[-1] >= len(self):
            raise OptionError(f"the index {self.folder} has the images 0 to {len(self) - 1}. Choose some of these.")
        chosen = self.entries if len(numbers) == len(self) else tuple(self.entries[number] for number in numbers)
        return Among(self.source, chosen, self.skipped, whole=self, numbers=numbers, label=label, at_most=at_most)

    def excited_by(self, network: Network, layer: Layer | str, image: str, top: int = 9) -> list[Excited]:
        """The maps of a layer that an image excites most, relative to each map's highest activation in the index.

        image: its id. By the maxima of each image, float16. Raises OptionError for an image that is not in the index
        or could not be read, and as `maxima`.
        """
        maxima, ids = self.maxima(network, layer), [entry.id for entry in self]
        if image not in ids:
            raise OptionError(f"the index {self.folder} has no image '{image}'.{nearest(image, ids)}")
        rows = np.flatnonzero(self.seen.keys[:, 0] == ids.index(image))
        if not len(rows):
            raise OptionError(f"{image} could not be read when it was scanned. Ask for another image.")
        values, highest = maxima[rows].max(axis=0).astype(np.float32), self.statistics(network, layer).highest
        shares = np.divide(values, highest, out=np.zeros_like(values), where=highest > 0)
        order = np.argsort(-shares, kind="stable")[:top]
        return [Excited(m, float(values[m]), float(shares[m])) for m in order.tolist() if shares[m] > 0]

    def images_above(self, network: Network, layer: Layer | str, map: int, threshold: float) -> list[tuple[str, float]]:
        """The images, or tiles, that take a map above a threshold, and how far, strongest first.

        By the maxima of each image, float16. Raises LayerError for a map that there is not, and as `maxima`.
        """
        maxima = self.maxima(network, layer)
        if not 0 <= map < maxima.shape[1]:
            raise LayerError(f"{maxima.name} are of {maxima.shape[1]} maps, 0 to {maxima.shape[1] - 1}, not {map}.")
        values = np.concatenate(
            [np.empty(0, np.float16), *(maxima[at : at + 4096, map] for at in range(0, len(maxima), 4096))]
        )
        rows = np.flatnonzero(values > threshold)
        rows = rows[np.argsort(-values[rows], kind="stable")]
        return list(zip(row_ids(self, self.seen.keys[rows], self.tile), values[rows].tolist(), strict=True))

    def _filed_under(self, label: str) -> list[int]:
        labels = self.labels
        if entries := [at for at, own in enumerate(labels) if own == label]:
            return entries
        known = sorted({own for own in labels if own})
        what = f"no image of the index {self.folder} is filed under '{label}'"
        raise OptionError(f"{what}.{nearest(label, known)} Its labels are {_listed(known) or 'none'}.")

    def _refuse_without_maxima(self) -> None:
        if not self.manifest.request.each_image:
            what = f"the index {self.folder} does not keep the maxima of each image"
            raise OptionError(f"{what}. Scan with --each-image into another folder.")

    def _place(self, network: Network, layer: Layer | str) -> tuple[Layer, int, int]:
        """A layer, and the numbers of its model and of itself in the index. Raises OptionError, LayerError."""
        layer, model = network.layer(layer) if isinstance(layer, str) else layer, self._model(network)
        known = self.manifest.request.models[model].layers
        for number, indexed in enumerate(known):
            if indexed.output == layer.output:
                return layer, model, number
        names = [indexed.name for indexed in known]
        what = f"the index {self.folder} does not hold {layer.name}, but {_listed(names)}"
        raise LayerError(f"{what}.{nearest(layer.name, names)} Scan that layer, or leave out --index.")

    def _model(self, network: Network) -> int:
        """Which of the scanned models a network is. Raises OptionError if it is none, or sees photos otherwise."""
        models = self.manifest.request.models
        same = [at for at, model in enumerate(models) if model.sha256 == network.sha256]
        if not same:
            what = f"the index {self.folder} is of {_listed([Path(model.path).name for model in models])}"
            raise OptionError(f"{what}, not of {network.path}. Scan that model into another folder.")
        if models[same[0]].preprocess != preprocess_of(network):
            what = f"the index {self.folder} was made with another preprocessing than {network.path} has now"
            raise OptionError(f"{what}. Give the same options, or scan again into another folder.")
        return same[0]


def open_index(folder: str | Path) -> Index:
    """The index in a folder that `inspectnet scan` has made. Raises OptionError for any other folder."""
    path = Path(folder)
    manifest = read_manifest(path)
    skipped = tuple(Skipped(id, reason) for id, reason in manifest.skipped)
    return Index(Path(manifest.root), ListedEntries(path, manifest), skipped, folder=path, manifest=manifest)


def _damaged(path: Path, error: Exception) -> OptionError:
    return OptionError(f"{path} is damaged ({error}). Remove it and run the scan again.")


def _check_rows(rows: NDArray[np.int32], hashes: NDArray[np.uint8], size: int) -> None:
    """Raise ValueError for what a shard of so many images cannot have kept of them."""
    if hashes.dtype != np.uint8 or hashes.shape != (size, 32):
        raise ValueError(f"it holds hashes of the shape {hashes.shape}, not {(size, 32)}")
    if rows.dtype != np.int32 or rows.ndim != 2 or rows.shape[1] != 3 or (rows < 0).any():
        raise ValueError("its rows are none")
    entries = rows[:, 0]
    if (entries >= size).any() or (np.diff(entries) < 0).any():
        raise ValueError("its rows are not of its images, in their order")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
