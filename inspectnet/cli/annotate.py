"""inspectnet annotate: preprocessing and class names written into a copy of a model."""

from inspectnet.cli import options
from inspectnet.cli.opening import Opening, Preprocessing
from inspectnet.errors import OptionError
from inspectnet.report.lines import show


def annotate(
    model: options.Model,
    out: options.OutFile,
    *,
    preprocessing: Preprocessing,
    classes: options.Classes = None,
    force: options.Force = False,
) -> None:
    """Write preprocessing and class names into a copy of a model, so that they travel with it."""
    from inspectnet.reading import metadata

    network = Opening("cpu", preprocessing).open(model, photos=False)
    properties, usual = dict[str, object](), dict[str, object]()
    if network.photos and (preprocessing.said() or not network.preparation_source.startswith("a guess")):
        (properties if preprocessing.said() else usual)[metadata.PREPROCESS] = network.photos.to_json()
    if classes is not None:
        properties[metadata.CLASSES] = metadata.read_class_names(classes)
    if not properties and not usual:
        raise OptionError("nothing to write. Say the preprocessing (--mean, --std ...), or --classes FILE.")
    metadata.annotate(model, properties, out, defaults=usual, force=force)
    for key in {**usual, **properties}:
        show(f"{out}: {key}")
