"""A verification shown: a table of checks, and of what happens to the signal."""

from inspectnet.analyses.verification import Check
from inspectnet.analyses.verify import Verification
from inspectnet.report.lines import show
from inspectnet.report.tables import Cell, print_table

CHECKS = ("subject", "claim", "error", "limit", "", "note")
SUBJECTS = ("subject", "checks", "largest error, of its limit", "")


def print_result(result: Verification, *, verbose: bool = False) -> None:
    """Print a row for each layer and one for all operators, each check that failed, and the layers left out.

    verbose: a row for each check, and what happens to the signal at each operator.
    """
    model = result.about.models[0]
    title = f"{model.name}: {result.method}"
    if verbose:
        print_table(title, CHECKS, [_row(check) for check in result.checks], drop=("note",))
        show()
        for operator, text in result.ops.items():  # sentences, which no column holds
            show(f"{operator}: {text}")
    else:
        print_table(title, SUBJECTS, [_together(subject, checks) for subject, checks in _by_subject(result).items()])
        for check in result.checks:
            if not check.passed:
                show(f"FAILED: {check.subject}: {check.claim}: {_error(check)}, limit {check.tolerance:g} {check.note}")
    for out in result.left_out:
        show(f"left out {out.layer}: {out.reason}")
    passed = f"{sum(check.passed for check in result.checks)} of {len(result.checks)} checks passed"
    show(passed if verbose else f"{passed} (--verbose lists them)")


def _by_subject(result: Verification) -> dict[str, list[Check]]:
    """The checks of each layer, and those of all operators together."""
    layers, by_subject = result.about.options["layers"], dict[str, list[Check]]()
    assert isinstance(layers, list | tuple)
    for check in result.checks:
        by_subject.setdefault(check.subject if check.subject in layers else "all operators", []).append(check)
    return by_subject


def _together(subject: str, checks: list[Check]) -> list[Cell]:
    """A row: the largest error of what has one, in parts of its limit."""
    passed = sum(check.passed for check in checks)
    shares = [check.error / check.tolerance for check in checks if check.error is not None and check.tolerance]
    failed = f"FAILED {len(checks) - passed}" if passed < len(checks) else "ok"
    return [subject, len(checks), f"{100 * max(shares, default=0):.2g} %", failed]


def _row(check: Check) -> list[Cell]:
    return [check.subject, check.claim, _error(check), f"{check.tolerance:g}", "ok" if check.passed else "FAILED",
            check.note]  # fmt: skip


def _error(check: Check) -> str:
    return "no number" if check.error is None else f"{check.error:.1e}"
