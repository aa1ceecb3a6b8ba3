"""The report: what is known of a network, as a page that opens from a disk, in a folder or in one file."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import inspectnet
from inspectnet.analyses.provenance import images_of, provenance
from inspectnet.analyses.scan import scan, watched_layers
from inspectnet.analyses.sources import collection_of
from inspectnet.arguments import checks_arguments
from inspectnet.explorer.analyses import Material, check_runs, run_analyses
from inspectnet.explorer.bundle import Bundle, projected_layers
from inspectnet.explorer.contract import EXAMPLES
from inspectnet.explorer.live import MOST
from inspectnet.explorer.page import read_page
from inspectnet.explorer.site import INDEX, write_folder, write_single
from inspectnet.graph.layers import Layer
from inspectnet.images import Collection, Sources
from inspectnet.index import Index, open_index
from inspectnet.methods import policy_of
from inspectnet.network import Network
from inspectnet.progress import Progress, silent
from inspectnet.report.folder import OutputFolder, output_folder
from inspectnet.results import Result, SkippedImage, encode
from inspectnet.rules import Policy


@dataclass(frozen=True)
class Report:
    """What a report holds."""

    layers: int
    units: int
    images: int
    results: int
    live: str
    """Why it has no live part; empty if it has one."""
    skipped: tuple[SkippedImage, ...]
    """Images that could not be read."""


@checks_arguments
def write_report(
    network: Network,
    folder: str | Path,
    images: Sources | None = None,
    *,
    layers: str | Sequence[str] | None = None,
    method: str | Policy = "deconvnet",
    tile: bool | None = None,
    classes: str | Path | None = None,
    results: Sequence[Result] = (),
    run: Sequence[str] = (),
    photos: Sources | None = None,
    checkpoints: Sequence[Network] = (),
    single_file: bool = False,
    live: bool = True,
    live_most: float = MOST,
    force: bool = False,
    batch_size: int = 16,
    threads: int | None = None,
    progress: Progress = silent,
) -> Path:
    """Write a page in which people walk through a network to `folder`; gives its index.html, to open in a browser.

    images: by default the sample photos; an index is not scanned again. layers: names or globs, by default all that
    an index holds, or all convolutions. method: of the projections. tile: photos are cut into tiles of the network's
    size; by default where no images are given. classes: a file that names them. results: shown too. run: analyses to
    run and show, as occlude and invariance, which look at `photos`, or evolve, which looks at `checkpoints`.
    single_file: all in index.html. live: whether the page can project photos itself, if the weights take no more than
    `live_most` MB. Raises OptionError where the page is not built, LayerError, RuleError, ImageError, OutputError.
    """
    plan = Plan(
        layers, method, tile, classes, tuple(results), tuple(run), photos, tuple(checkpoints), single_file,
        live_most if live else 0, batch_size, threads,
    )  # fmt: skip
    plan.check()
    claim = {"command": "report", "models": [network.sha256], "options": plan.record()}
    with output_folder(Path(folder), claim, beside=False, force=force) as out:
        plan.write(out, network, images, progress)
    return out.path / INDEX


@dataclass(frozen=True)
class Plan:
    """What a report is to hold; as arguments of `write_report`."""

    layers: str | Sequence[str] | None = None
    method: str | Policy = "deconvnet"
    tile: bool | None = None
    classes: str | Path | None = None
    results: Sequence[Result] = ()
    run: Sequence[str] = ()
    photos: Sources | None = None
    checkpoints: Sequence[Network] = ()
    single_file: bool = False
    live_most: float = MOST
    """MB of weights; 0 for no live part."""
    batch_size: int = 16
    threads: int | None = None

    def check(self) -> None:
        """Raise OptionError before any work for what cannot be."""
        read_page()
        policy_of(self.method)
        check_runs(self.run, self.photos, len(self.checkpoints))

    def record(self) -> dict[str, object]:
        """The options that decide what it holds."""
        layers = [self.layers] if isinstance(self.layers, str) else self.layers and list(self.layers)
        policy = policy_of(self.method)
        return {
            "layers": layers, "method": encode(policy, {}), "tile": self.tile, "run": list(self.run),
            "single_file": self.single_file, "live_most": self.live_most,
            "results": [result.command for result in self.results],
        }  # fmt: skip

    def write(self, out: OutputFolder, network: Network, images: Sources | None, progress: Progress) -> Report:
        """Write the report to a folder that is being made. Raises as `write_report`."""
        page, collection, policy = read_page(), collection_of(images), policy_of(self.method)
        shown = shown_layers(network, collection, self.layers, policy)
        names = [layer.name for layer in shown]
        with self._index(network, collection, images is None, names, progress) as index:
            material = Material(network, collection, self.photos, self.checkpoints, names, self.classes, progress)
            bundle = Bundle(
                network, index, names, policy=policy,
                classes=self.classes, results=[*self.results, *run_analyses(self.run, material)],
                page=page if self.live_most else None, live_most=self.live_most, batch=self.batch_size,
                progress=progress,
            )  # fmt: skip
            write = write_single if self.single_file else write_folder
            write(out, bundle, page, progress)
            about = encode(provenance([network], images_of(index.seen), self.record()), {})
            assert isinstance(about, Mapping)
            made = _made(bundle)
            result = {name: value for name, value in vars(made).items() if name != "skipped"}  # which images names
            out.write_record({"command": "report", "inspectnet": inspectnet.__version__, **about, "result": result})
            return made

    @contextmanager
    def _index(
        self, network: Network, images: Collection, samples: bool, names: Sequence[str], progress: Progress
    ) -> Iterator[Index]:
        """The index of the images, made for the time being where there is none."""
        if isinstance(images, Index):
            yield images
            return
        cut = samples if self.tile is None else self.tile
        with tempfile.TemporaryDirectory(prefix="inspectnet-") as folder:
            yield make_index(network, images, folder, names, cut, self.batch_size, self.threads, progress)


def shown_layers(
    network: Network, images: Collection, names: str | Sequence[str] | None, policy: Policy
) -> list[Layer]:
    """The layers of a report or an exploration: those asked for, or that an index holds, or all convolutions.

    Raises LayerError, RuleError if no signal comes down from any of them.
    """
    if names is None and isinstance(images, Index):
        return projected_layers(network, images.layers_of(network), policy)
    return projected_layers(network, watched_layers(network, names), policy)


def make_index(
    network: Network, images: Collection, folder: str | Path, layers: Sequence[str], tile: bool, batch_size: int,
    threads: int | None, progress: Progress,
) -> Index:  # fmt: skip
    """The index that a page needs of images, made in `folder` or gone on with there. Raises as `scan`."""
    scan(
        network, images, folder, layers=layers, top=EXAMPLES, tile=tile, batch_size=batch_size, threads=threads,
        progress=progress,
    )  # fmt: skip
    return open_index(folder)


def _made(bundle: Bundle) -> Report:
    units = sum(layer.maps for layer in bundle.layers)
    seen = bundle.index.seen
    return Report(
        len(bundle.layers), units, seen.count, len(bundle.results), bundle.live_reason, images_of(seen).skipped
    )
