"""The analyses that a report runs for itself, by the names of their commands."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inspectnet.analyses.diagnose import diagnose
from inspectnet.analyses.evaluate import evaluate
from inspectnet.analyses.evolve import evolve
from inspectnet.analyses.explain import explain
from inspectnet.analyses.invariance import invariance
from inspectnet.analyses.layers import layers
from inspectnet.analyses.occlude import occlude
from inspectnet.analyses.sanity import sanity
from inspectnet.analyses.selectivity import selectivity
from inspectnet.analyses.verify import verify
from inspectnet.errors import OptionError, check_choice
from inspectnet.images import Collection, Sources
from inspectnet.network import Network
from inspectnet.progress import Progress
from inspectnet.results import Result


@dataclass(frozen=True)
class Material:
    """What the analyses of a report look at."""

    network: Network
    images: Collection
    photos: Sources | None
    """Single photos, of which some analyses tell much."""
    checkpoints: Sequence[Network]
    layers: Sequence[str]
    """The names of those that are shown, from the bottom up."""
    classes: str | Path | None
    progress: Progress


RUNS: Mapping[str, Callable[[Material], Result]] = {
    "diagnose": lambda m: diagnose(m.network, images=m.images, progress=m.progress),
    "evaluate": lambda m: evaluate(m.network, m.images, classes=m.classes, progress=m.progress),
    "evolve": lambda m: evolve(m.checkpoints, m.layers, _unscanned(m.images), progress=m.progress),
    "explain": lambda m: explain(m.network, m.photos, classes=m.classes, progress=m.progress),
    "invariance": lambda m: invariance(m.network, (), m.photos, classes=m.classes, progress=m.progress),
    "layers": lambda m: layers(m.network),
    "occlude": lambda m: occlude(m.network, (), m.photos, classes=m.classes, progress=m.progress),
    "sanity": lambda m: sanity(m.network, m.photos, progress=m.progress),
    "selectivity": lambda m: selectivity(m.network, m.layers[-1], m.images, classes=m.classes, progress=m.progress),
    "verify": lambda m: verify(m.network, (), m.photos, progress=m.progress),
}


def _unscanned(images: Collection) -> Collection:
    """The images alone, as an index holds what one network answers to them."""
    return Collection(images.source, images.entries, images.skipped)


OF_PHOTOS = ("explain", "invariance", "occlude", "sanity", "verify")
FEWEST = 2  # checkpoints


def check_runs(names: Sequence[str], photos: Sources | None, checkpoints: int) -> None:
    """Before any work: raise OptionError for an analysis that there is not, or that has nothing to look at."""
    for name in names:
        check_choice("analysis", name, RUNS)
        if name in OF_PHOTOS and photos is None:
            raise OptionError(f"{name} looks at single photos. Give some with --photo.")
        if name == "evolve" and checkpoints < FEWEST:
            raise OptionError("evolve looks at two checkpoints or more. Give them with --checkpoint.")


def run_analyses(names: Sequence[str], material: Material) -> list[Result]:
    """The results of analyses. Raises what they raise."""
    return [RUNS[name](material) for name in names]
