"""The topics: by command, the type of its result and the module that shows it.

A module of report has `figures(result)`, an iterator of (name, figure), and `print_result(result)`; it may have
`tables(result)`, an iterator of (file name, text) of CSV files.
"""

from importlib import import_module
from types import ModuleType

from inspectnet.errors import OptionError, nearest
from inspectnet.results import Result

TOPICS = {
    "evolve": ("inspectnet.analyses.evolution:Evolution", "inspectnet.report.evolution"),
    "evaluate": ("inspectnet.analyses.evaluation:Evaluation", "inspectnet.report.evaluation"),
    "layers": ("inspectnet.analyses.catalogue:Catalogue", "inspectnet.report.catalogue"),
    "verify": ("inspectnet.analyses.verify:Verification", "inspectnet.report.verify"),
    "deconv": ("inspectnet.analyses.features:Features", "inspectnet.report.features"),
    "diagnose": ("inspectnet.analyses.diagnosis:Diagnosis", "inspectnet.report.diagnosis"),
    "selectivity": ("inspectnet.analyses.selectivity:Selectivity", "inspectnet.report.selectivity"),
    "explain": ("inspectnet.analyses.explain:Explanation", "inspectnet.report.explain"),
    "sanity": ("inspectnet.analyses.sanity:Sanity", "inspectnet.report.sanity"),
    "invariance": ("inspectnet.analyses.invariance:Invariance", "inspectnet.report.invariance"),
    "occlude": ("inspectnet.analyses.occlusion:Occlusion", "inspectnet.report.occlusion"),
    "correspond": ("inspectnet.analyses.correspondence:Correspondence", "inspectnet.report.correspondence"),
}


def result_type(command: str) -> type[Result]:
    """The type of the results of a command. Raises OptionError for one that there is not."""
    if command not in TOPICS:
        raise OptionError(f"no results of '{command}'.{nearest(command, TOPICS)} There are: {', '.join(TOPICS)}.")
    module, _, name = TOPICS[command][0].partition(":")
    kind: type[Result] = getattr(import_module(module), name)
    return kind


def presenter(result: Result) -> ModuleType:
    """The module that shows a result."""
    return import_module(TOPICS[result.command][1])
