"""Passes: what changes a model in place, or refuses it; reader.READ and settling.SETTLE list them in their order."""

from collections.abc import Callable

import onnx_ir as ir

Pass = Callable[[ir.Model, str], object]
"""Takes a model and what messages call it; where it matters whether it changed anything, gives something true then."""


def of_model(change: Callable[[ir.Model], object]) -> Pass:
    """A pass that has nothing to say to the user, as those of onnx-ir."""
    return lambda model, where: change(model)


def of_graph(change: Callable[[ir.Graph], object]) -> Pass:
    """A pass that has nothing to say to the user and needs the graph alone."""
    return lambda model, where: change(model.graph)


def until_settled(*changes: Pass, after: Callable[[ir.Model], object]) -> Pass:
    """Changes that are tried one after the other, each time from the first on, until none changes anything.

    after: done after every change.
    """

    def settle(model: ir.Model, where: str) -> None:
        while any(change(model, where) for change in changes):
            after(model)

    return settle
