"""Text from the command line becomes networks, recipes and jobs; a wrong name gets the nearest right ones."""

import difflib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from trainers.architectures.ablations import NETWORKS
from trainers.architectures.architecture import Architecture
from trainers.data.sources import open_source
from trainers.errors import TrainerError
from trainers.job import Job
from trainers.recipe.recipe import RECIPES, Recipe


def find_network(name: str) -> Architecture:
    """The network called `name`."""
    if name not in NETWORKS:
        near = difflib.get_close_matches(name, NETWORKS, n=3)
        hint = f"did you mean {', '.join(near)}? " if near else ""
        raise TrainerError(f"no network {name!r}: {hint}There are {', '.join(sorted(NETWORKS))}")
    return NETWORKS[name]


def find_recipe(name: str, changes: list[str]) -> Recipe:
    """A named recipe with `field=value` changes."""
    if name not in RECIPES:
        raise TrainerError(f"no recipe {name!r}; there are {', '.join(RECIPES)}")
    recipe = RECIPES[name]
    known = {f.name for f in fields(Recipe)}
    parsed: dict[str, Any] = {}
    for change in changes:
        key, equals, value = change.partition("=")
        if key not in known or not equals:
            raise TrainerError(f"--set {change!r}: write FIELD=VALUE with a field of {', '.join(sorted(known))}")
        parsed[key] = parse(key, value, getattr(recipe, key))
    return replace(recipe, **parsed)


def parse(key: str, value: str, example: object) -> object:
    """Text in the type of the field's present value; `none` switches a field off."""
    if value.lower() == "none":
        return None
    kind: type[int] | type[float] | type[str] = float
    if isinstance(example, int | str):
        kind = type(example)
    try:
        return kind(value)
    except ValueError:
        raise TrainerError(f"--set {key}={value!r}: expected {kind.__name__}") from None


def job_for(network: Architecture, recipe: Recipe, data: str, run: Path, root: Path, download: bool) -> Job:
    """A job whose network has as many classes as the data."""
    classes = len(open_source(data, "train", root, download).classes)
    return Job(network.for_classes(classes), recipe, data, run, root=root, download=download)
