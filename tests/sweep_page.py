"""The rows of the sweep, and the page of the docs that they make."""

from dataclasses import dataclass, field
from typing import TypedDict

from nets import EXPORTERS
from sweep_networks import names


class Verified(TypedDict):
    """What `inspectnet verify` said of one file."""

    method: str
    layers: int
    checks: int
    failed: list[str]
    gigabytes: float | None
    """The most memory that the process had; None where it was not measured."""
    reason: str
    """Why there are no checks."""


@dataclass
class Row:
    """What was found out about one network from one exporter."""

    network: str
    exporter: str
    parameters: int = 0
    opens: bool = False
    layers: int = 0
    named: int = 0
    """Layers with the path of a module whose output they hold."""
    misnamed: list[str] = field(default_factory=list)
    """Layers with the path of a module whose output they do not hold."""
    convs: int = 0
    inverted: dict[str, int] = field(default_factory=dict)
    """By method, convolutions from which signals come down."""
    errors: dict[str, float] = field(default_factory=dict)
    """By method, the largest relative error of a projection."""
    float32: dict[str, float] = field(default_factory=dict)
    """By method, where the error is large: that of torch itself in float32."""
    build: float = 0.0
    """Seconds of one core to build the inverse from the highest layer."""
    verified: Verified | None = None
    reason: str = ""


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| network | exporter | opens | layers named | convolutions inverted | gradient | guided | deconvnet "
        "| verify | |",
        "|---|---|---|---:|---:|---:|---:|---:|---|---|",
    ]
    for r in rows:
        least = min(r.inverted.values(), default=0)
        errors = [f"{r.errors[m]:.0e}" if m in r.errors else "" for m in ("gradient", "guided_backprop", "deconvnet")]
        notes = r.reason or ("misnamed: " + " ".join(r.misnamed[:3]) if r.misnamed else "")
        notes += "".join(f" torch itself in float32, {m}: {e:.0e}" for m, e in r.float32.items())
        opens = "yes" if r.opens else "no"
        cells = [r.network, r.exporter, opens, f"{r.named} of {r.layers}", f"{least} of {r.convs}", *errors]
        cells += [proof(r.verified), notes]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def proof(verified: Verified | None) -> str:
    """A cell on what verify said."""
    if verified is None:
        return ""
    if verified["reason"]:
        return f"{verified['method']}: {verified['reason']}"
    passed = verified["checks"] - len(verified["failed"])
    failed = "".join(f" FAILED {what}" for what in verified["failed"][:3])
    return f"{verified['method']}: {passed} of {verified['checks']} on {verified['layers']} layers{failed}"


HEAD = """# What opens

Networks with random weights, exported by both of torch's exporters, held against torch in float64. Weights are drawn as
He et al. draw them, and so is what begins as one number throughout: biases, tokens, scales of layer norms and of
residual branches. The statistics of each BatchNorm are those of eight random images, moved by up to half a deviation
and half a variance: maps keep their size at every depth. *layers named*: layers that hold what the module they are
named after puts out; the others are inner steps of modules, which no module puts out. *inverted*: convolutions from
which a signal comes down under all three methods. *gradient, guided, deconvnet*: the largest relative error (L2) of the
projections of random signals on up to four layers from the lowest to the highest; where an image lies on a kink in
float32, that of the next of eight. Where it is large still, the median error of torch's own float32 over the eight
stands beside it: in deep networks some rectifier's input is 0 but for rounding in nearly every image.
Transformers have no rectifiers in the paper's sense: they are held to the gradient only. *verify*: the checks of
`inspectnet verify` that pass, and on how many layers (eight at most), one method per exporter; rows
without it are not verified yet.

`python tests/sweep.py -o docs/coverage.json` runs what is missing, `--table > docs/coverage.md` writes this page.

"""


def page(rows: list[Row]) -> str:
    """The page of docs: what was run, in the order of names() per family, and a line that sums it up."""
    run = [row for row in rows if not row.reason.startswith("not run")]
    opened = sum(row.opens for row in run)
    convs = sum(row.convs for row in run), sum(min(row.inverted.values(), default=0) for row in run)
    worst = max((e for row in run for e in row.errors.values()), default=0.0)
    proved = [row.verified for row in run if row.verified]
    sound = sum(not (said["failed"] or said["reason"]) for said in proved)
    memory = [said["gigabytes"] for said in proved if said["gigabytes"] is not None]
    builds, missing = [row.build for row in run], len(names()) * len(EXPORTERS) - len(rows)
    lines = [
        f"{len(run)} exports run: {opened} open; {convs[1]:,} of {convs[0]:,} convolutions are inverted;",
        f"the largest error is {worst:.0e}.",
        f"Building an inverse took at most {max(builds)} s of one core." if builds else "",
        f"`inspectnet verify` passed on {sound} of {len(proved)} that it was run on." if proved else "",
        f"It had at most {max(memory)} GB of memory in the {len(memory)} that were measured." if memory else "",
        f"Not run yet: {missing}." if missing else "",
    ]
    return (
        HEAD
        + "\n".join(filter(None, lines))
        + "\n\n"
        + table(sorted(rows, key=lambda r: (r.network.count("/"), r.network)))
    )
