"""inspectnet annotate: preprocessing and class names written into a copy of a model."""

from inspectnet.cli import options
from inspectnet.cli.opening import Opening, Preprocessing
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
    from inspectnet.analyses import annotate as analysis

    network = Opening("cpu", preprocessing).open(model, photos=False)
    for key in analysis.annotate(network, out, classes=classes, force=force):
        show(f"{out}: {key}")
