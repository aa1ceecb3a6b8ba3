"""The door, `import inspectnet`: what it shows, and that it opens at once."""

import subprocess
import sys

import inspectnet
from inspectnet.cli import app
from inspectnet.methods import METHODS
from inspectnet.report.topics import TOPICS


def test_the_door_shows_an_analysis_for_each_command_and_a_class_for_each_method():
    shown = set(dir(inspectnet))
    assert shown >= {*TOPICS, *(kind.__name__ for kind in METHODS.values()), "open", "load", "plot", "save", "samples"}
    for name in shown:
        assert getattr(inspectnet, name) is not None
    named = {"report": "write_report"}  # as inspectnet.report is a room
    commands = {command.callback.__name__ for command in app.registered_commands}
    functions = [named.get(command, command) for command in commands]
    assert all(getattr(inspectnet, function).__name__ == function for function in functions)


def test_the_door_opens_without_a_library():
    heavy = "numpy onnx onnxruntime matplotlib PIL"
    program = f"import sys, inspectnet; sys.exit(not {{*'{heavy}'.split()}}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
