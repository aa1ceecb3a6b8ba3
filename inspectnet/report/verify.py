"""A verification shown: a table of checks, and of what happens to the signal."""

from collections.abc import Iterator

from inspectnet.analyses.verification import Check
from inspectnet.analyses.verify import Verification
from inspectnet.figures.display import Display
from inspectnet.figures.page import Figure
from inspectnet.report.lines import show
from inspectnet.report.tables import print_table


def figures(result: Verification, display: Display) -> Iterator[tuple[str, Figure]]:
    """None: a verification is a table."""
    return iter(())


def print_result(result: Verification) -> None:
    """Print a row for each check, one for each operator, and the layers that were left out."""
    (model,) = result.about.models
    columns = ["subject", "claim", "error", "limit", "", ""]
    print_table(f"{model.name}: {result.method}", columns, [_row(check) for check in result.checks])
    print_table("\nwhat happens to the signal", ["operator", "on the way down"], list(result.ops.items()))
    if result.left_out:
        print_table("\nleft out", ["layer", "reason"], [[out.layer, out.reason] for out in result.left_out])
    show()
    show(f"{sum(check.passed for check in result.checks)} of {len(result.checks)} checks passed")


def _row(check: Check) -> list[str]:
    error = "no number" if check.error is None else f"{check.error:.1e}"
    return [check.subject, check.claim, error, f"{check.tolerance:g}", "ok" if check.passed else "FAILED", check.note]
