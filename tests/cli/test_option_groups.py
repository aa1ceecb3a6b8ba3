"""Options that go together: a command takes them as one dataclass, the user says them one by one."""

import inspect
from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from inspectnet.cli.option_groups import expose_options


@dataclass(frozen=True)
class Colour:
    red: Annotated[int, typer.Option(help="How red.")] = 1
    green: Annotated[int, typer.Option(help="How green.")] = 2


@dataclass(frozen=True)
class Brush:
    width: Annotated[float, typer.Option(help="How wide.")] = 0.5
    colour: Colour = Colour()


def paint(wall: Annotated[str, typer.Argument(help="Which.")], *, brush: Brush, dry: bool = False) -> str:
    """Paint a wall."""
    return f"{wall} {brush} {dry}"


def run(*arguments):
    app = typer.Typer(rich_markup_mode=None)
    app.command()(expose_options(paint))
    return CliRunner().invoke(app, arguments, standalone_mode=False)


def test_each_field_is_an_option_in_its_place():
    assert list(inspect.signature(expose_options(paint)).parameters) == ["wall", "width", "red", "green", "dry"]
    out = run("--help").output
    assert "Paint a wall." in out and "How red." in out
    assert out.index("--width") < out.index("--red") < out.index("--green") < out.index("--dry")
    assert "--brush" not in out and "--colour" not in out


def test_a_command_gets_what_was_said_and_the_defaults_of_the_rest():
    assert run("north", "--green", "7", "--dry").return_value == f"north {Brush(0.5, Colour(1, 7))} True"


def test_a_command_without_such_parameters_stays_as_it_is():
    def whitewash(wall: str, coats: int = 2) -> str:
        return f"{wall} {coats}"

    assert expose_options(whitewash)(wall="south", coats=3) == "south 3"
    assert list(inspect.signature(expose_options(whitewash)).parameters) == ["wall", "coats"]
