"""What the findings rest on, as data: which networks are trained, how, and from which seeds.

Table 3's rows and ZFNet for 40 epochs from three seeds, each at that of two rates which five epochs prefer; Fig. 6's
first layers for 12 epochs from four seeds; and for Fig. 4 one ZFNet under a rate that falls in steps.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from trainers.architectures.tiny import FIGURE_6
from trainers.errors import TrainerError
from trainers.job import SNAPSHOTS
from trainers.recipe.recipe import TABLE, TINY, Recipe
from trainers.study.records import error, read_record

ZFNET = "zfnet-tiny"
ROWS = (
    "replication-tiny",
    "replication-without-3-4-tiny",
    "replication-without-7-tiny",
    "replication-without-6-7-tiny",
    "replication-without-3-4-6-7-tiny",
)
SEEDS = (0, 1, 2)
RATES = (0.03, 0.06)  # the first wins a tie
CHOICE_EPOCHS, HELD_OUT = 5, 5_000
FIRST_LAYER_SEEDS = (0, 1, 2, 3)
FIRST_LAYER = replace(TABLE, epochs=12)
STEPS = replace(TINY, schedule="plateau", rate=0.01)


@dataclass(frozen=True)
class Unit:
    """One run."""

    part: str
    network: str
    seed: int
    recipe: Recipe
    hold_out: int = 0
    snapshots: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Path of its run and of its record, below the folders of both."""
        return f"{self.part}/{self.network}-rate-{self.recipe.rate:g}-seed-{self.seed}"


def plan(records: Path) -> list[Unit]:
    """Every run in the order of training, of those whose rate the records tell by now."""
    choices = [choice(network, rate) for network in (*ROWS, ZFNET) for rate in RATES]
    first_layers = [
        Unit("figure-6", network.name, seed, FIRST_LAYER) for seed in FIRST_LAYER_SEEDS for network in FIGURE_6
    ]
    steps = Unit("figure-4", ZFNET, 0, STEPS, snapshots=SNAPSHOTS)
    return list(dict.fromkeys([*shipped_rate(), *choices, *table_3(records), *first_layers, steps]))


def choice(network: str, rate: float) -> Unit:
    """A short run that does not see some of the training pictures, on which rates are compared."""
    recipe = replace(TINY, rate=rate, epochs=CHOICE_EPOCHS)
    return Unit("rate-choice", network, SEEDS[0], recipe, hold_out=HELD_OUT)


def row(network: str, rate: float, seed: int) -> Unit:
    """A row of Table 3; ZFNet's leave snapshots for Fig. 4."""
    return Unit("table-3", network, seed, replace(TINY, rate=rate), snapshots=SNAPSHOTS if network == ZFNET else ())


def shipped_rate() -> list[Unit]:
    """Two more seeds of the network that is shipped as models/zfnet-tiny.onnx, at its rate."""
    return [row(ZFNET, TINY.rate, seed) for seed in SEEDS[1:]]


def table_3(records: Path) -> Iterator[Unit]:
    """The rows whose rates are chosen, seed by seed."""
    rates = {network: chosen_rate(network, records) for network in (*ROWS, ZFNET)}
    for seed in SEEDS:
        for network, rate in rates.items():
            if rate is not None:
                yield row(network, rate, seed)


def chosen_rate(network: str, records: Path) -> float | None:
    """The rate with fewer errors on the pictures held out; None before both have a record."""
    errors: dict[float, float] = {}
    for rate in RATES:
        record = read_record(records, choice(network, rate).name)
        if record is None:
            return None
        errors[rate] = error(record)
    if min(errors.values()) == float("inf"):
        raise TrainerError(f"{network} diverges at every rate of {', '.join(map(str, RATES))}; lower RATES")
    return min(errors, key=lambda rate: errors[rate])
