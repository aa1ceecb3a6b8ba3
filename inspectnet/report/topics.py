"""The topics: by command, the type of its result; the modules of analyses and of report have the command's name.

A module of report has `print_result(result)`; it may have `figures(result, display)`, an iterator of (name, figure),
and `tables(result)`, an iterator of (name of a CSV file, columns, rows).
"""

from importlib import import_module
from types import ModuleType

from inspectnet.errors import check_choice
from inspectnet.results import Result

TOPICS = {
    "evolve": "Evolution",
    "evaluate": "Evaluation",
    "layers": "Catalogue",
    "activations": "Activations",
    "scan": "Scan",
    "verify": "Verification",
    "deconv": "Features",
    "diagnose": "Diagnosis",
    "selectivity": "Selectivity",
    "explain": "Explanation",
    "sanity": "Sanity",
    "invariance": "Invariance",
    "occlude": "Occlusion",
    "correspond": "Correspondence",
}


def result_type(command: str) -> type[Result]:
    """The type of the results of a command. Raises OptionError for one that there is not."""
    check_choice("results of", command, TOPICS)
    kind: type[Result] = getattr(import_module(f"inspectnet.analyses.{command}"), TOPICS[command])
    return kind


def presenter(result: Result) -> ModuleType:
    """The module that shows a result."""
    return import_module(f"inspectnet.report.{result.command}")
