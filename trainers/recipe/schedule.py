"""The learning rate: the paper's plateau rule, and one cycle for short runs."""

import math
from typing import Any

from trainers.recipe.recipe import Recipe

START = 0.05  # of the highest rate, at the first step of one cycle


def one_cycle(recipe: Recipe, progress: float) -> float:
    """Rate at `progress` in [0, 1] of the run: a straight rise, then a cosine down to zero."""
    if progress < recipe.warmup:
        return recipe.rate * (START + (1 - START) * progress / recipe.warmup)
    return recipe.rate * (1 + math.cos(math.pi * (progress - recipe.warmup) / (1 - recipe.warmup))) / 2


class Plateau:
    """Lowers the rate when the validation error has not improved for `plateau_patience` epochs."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.rate = recipe.rate
        self.best = math.inf
        self.waited = 0

    def epoch_ended(self, error: float) -> None:
        """Take note of the epoch's validation error."""
        if error < self.best:
            self.best, self.waited = error, 0
            return
        self.waited += 1
        if self.waited >= self.recipe.plateau_patience:
            self.rate *= self.recipe.plateau_factor
            self.waited = 0

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"rate": self.rate, "best": self.best, "waited": self.waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where a checkpoint stopped."""
        self.rate, self.best, self.waited = state["rate"], state["best"], state["waited"]


def rate_at(recipe: Recipe, plateau: Plateau, progress: float) -> float:
    """Rate of the next step."""
    return one_cycle(recipe, progress) if recipe.schedule == "one-cycle" else plateau.rate
