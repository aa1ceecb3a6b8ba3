"""How a network is trained: PAPER after Zeiler & Fergus (2014), section 3, TINY for two CPU cores."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from trainers.errors import TrainerError

Schedule = Literal["plateau", "one-cycle"]
Init = Literal["normal", "he", "standard"]
Crop = Literal["corners", "anywhere", "resized"]
CHOICES = {"schedule": get_args(Schedule), "init": get_args(Init), "crop": get_args(Crop)}
OFF = ("first_std", "filter_rms", "first_filter_rms", "std")  # fields that may be None

COUNT, SHARE = (1, math.inf), (0.0, 1.0)
NOT_NEGATIVE, POSITIVE = (0.0, math.inf), (1e-12, math.inf)
LIMITS: dict[str, tuple[float, float]] = {  # the least and the most of each number
    **dict.fromkeys(("epochs", "batch", "plateau_patience", "side"), COUNT),
    **dict.fromkeys(("momentum", "plateau_factor", "warmup", "dropout", "label_smoothing"), SHARE),
    **dict.fromkeys(("rate", "weight_decay", "first_std", "colour_jitter"), NOT_NEGATIVE),
    **dict.fromkeys(("filter_rms", "first_filter_rms", "std"), POSITIVE),
    "smallest_area": (1e-12, 1.0),
}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, except architecture, data and seed."""

    epochs: int = 70
    """The paper stopped after 70, "around 12 days" on one GTX 580."""

    batch: int = 128
    """Pictures per step, over all devices together."""

    rate: float = 1e-2
    """Learning rate: the first one (plateau) or the highest one (one-cycle)."""

    momentum: float = 0.9
    """Of stochastic gradient descent."""

    weight_decay: float = 5e-4
    """On weights, not on biases. The paper is silent; this is Krizhevsky's (2012)."""

    schedule: Schedule = "plateau"
    """The paper's rate fell by hand "when the validation error plateaus"; one-cycle rises, then falls."""

    plateau_factor: float = 0.1
    """What the rate is multiplied by at a plateau. The paper is silent; this is Krizhevsky's."""

    plateau_patience: int = 4
    """Epochs without a better validation error that make a plateau."""

    warmup: float = 0.2
    """Part of the run in which the one-cycle rate rises."""

    dropout: float = 0.5
    """In layers 6 and 7."""

    label_smoothing: float = 0.0
    """Part of the target spread over all classes."""

    init: Init = "normal"
    """normal: N(0, 0.01^2), as "initialized to 1e-2" must mean; he: N(0, 2/fan_in). Biases 0.

    standard: he below fc8, then every unit's sum is given mean 0 and deviation 1 over pictures (`standardise`).
    """

    first_std: float | None = None
    """Standard deviation of conv1's first weights, in place of init's: what is not learnt stays as noise."""

    filter_rms: float | None = 0.1
    """Radius: a convolution filter with a larger RMS (not L2 norm) is scaled back to it after each step."""

    first_filter_rms: float | None = None
    """Radius for conv1, whose filters scale with 1/pixel scale; None takes filter_rms."""

    crop: Crop = "corners"
    """Training crops: the paper's ten (corners and centre, flipped or not), anywhere, or resized boxes."""

    smallest_area: float = 1.0
    """resized: a box covers at least this part of the picture, at most all of it."""

    colour_jitter: float = 0.0
    """Largest change of brightness, contrast and saturation, as a part of 1."""

    side: int = 256
    """Stored pictures: shortest side resized to this, centre square cut out."""

    std: float | None = 1 / 255
    """Pixels in [0, 1] are divided by it after the mean of each colour is subtracted.

    1/255 gives the paper's range of about -128..128, on which the radius of 0.1 depends. None measures it.
    """

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise TrainerError(f"recipe: {name} is {value!r}, one of {', '.join(choices)}")
        for name, (least, most) in LIMITS.items():
            value = getattr(self, name)
            if value is None and name in OFF:
                continue
            if value is None or not least <= value <= most:  # nan neither
                wanted = f"a number from {least:g}" + (f" to {most:g}" if most < math.inf else " up")
                raise TrainerError(f"recipe: {name} is {value}, give {wanted}")

    def measured_side(self, side: int) -> int:
        """Side to which pictures are resized before their centre, `side` wide, is measured.

        Resized boxes teach a network interpolated pixels, and sharp ones are then strange to it: so all of the picture
        is resized to what the network takes.
        """
        return side if self.crop == "resized" else self.side

    def as_dict(self) -> dict[str, Any]:
        """For metadata and checkpoints."""
        return asdict(self)


PAPER = Recipe()

# Unit-variance pixels are about 70 times smaller than the paper's, so its 0.1 would be 7 for conv1: a radius no filter
# ever reaches. The clip's purpose is that no filter dominates layer 1, so conv1's radius is eight times the RMS its
# filters start with (README, "The filter clip").
TINY = Recipe(
    epochs=40,
    rate=0.03,
    weight_decay=1e-3,
    schedule="one-cycle",
    warmup=0.1,
    dropout=0.5,
    label_smoothing=0.1,
    init="standard",
    first_std=0.025,
    first_filter_rms=0.2,
    crop="anywhere",
    side=64,
    std=None,
)

# One row of `trainers table`: two epochs of all twelve took 50 minutes of one core that multiplies bfloat16. In a run
# of few epochs the dropout of long ones keeps networks from learning: 15% right after three.
TABLE = replace(TINY, epochs=6, dropout=0.2)

RECIPES = {"paper": PAPER, "tiny": TINY, "table": TABLE}
