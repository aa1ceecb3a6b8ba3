"""What a network does to photos and calls its classes, written into a copy of its model."""

from collections.abc import Sequence
from pathlib import Path

from inspectnet.analyses.invert import onnx_file
from inspectnet.arguments import checks_arguments
from inspectnet.errors import ModelError, OptionError
from inspectnet.network import Network
from inspectnet.reading import metadata


@checks_arguments
def annotate(
    network: Network, out: str | Path, *, classes: str | Path | Sequence[str] | None = None, force: bool = False
) -> tuple[str, ...]:
    """Write how photos become inputs and the names of the classes into a copy of the model; gives the keys written.

    The preparation is what the network was opened with, unless that is a guess. classes: a file of names, one a line or
    a TSV, or the names. force: another file may be replaced. Raises OptionError, OutputError.
    """
    file, source = onnx_file(out), network.preparation_source
    properties, usual = dict[str, object](), dict[str, object]()
    if network.photos and not source.startswith("a guess"):
        (properties if "by the user" in source else usual)[metadata.PREPROCESS] = network.photos.to_json()
    if classes is not None:
        path = isinstance(classes, str | Path)
        names = metadata.read_class_names(Path(classes)) if path else list(classes)  # type: ignore[arg-type]
        _refuse_other_counts(network, names)
        properties[metadata.CLASSES] = names
    if "changed by the user" in source and source.startswith("a guess"):
        raise OptionError("mean and std would be a guess in part. Say both, --mean and --std.")
    if not properties and not usual:
        raise OptionError("nothing to write. Say the preprocessing (--mean, --std ...), or --classes FILE.")
    metadata.annotate(network.path, properties, file, defaults=usual, force=force)
    return tuple({**usual, **properties})


def _refuse_other_counts(network: Network, names: Sequence[str]) -> None:
    """Raise OptionError for names that are not as many as the classes, where the model shows how many it has."""
    try:
        scores = network.class_scores()
    except ModelError:  # none, or several of which the user is to choose
        return
    if len(names) != scores.classes and not (scores.alone and len(names) == 1):
        what = f"{network.path} has {scores.classes} classes, not {len(names)}"
        raise OptionError(f"{what}. Give a name for each, in the order of its output.")
