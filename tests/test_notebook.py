"""The notebook of docs: its code runs, cell by cell, and each cell's text is what the notebook shows of it.

`python tests/test_notebook.py` runs it and writes the texts anew; figures are not kept.
"""

import ast
import contextlib
import io
import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def run(cells):
    """By cell what it prints, then what its last value is, as text; pictures as their bytes."""
    names = {}
    for cell in cells:
        tree, printed, value = ast.parse("".join(cell["source"])), io.StringIO(), None
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        with contextlib.redirect_stdout(printed):
            exec(compile(tree, NOTEBOOK.name, "exec"), names)
            if last:
                value = eval(compile(ast.Expression(last.value), NOTEBOOK.name, "eval"), names)
        if hasattr(value, "_repr_png_"):
            yield value._repr_png_()
        else:
            yield printed.getvalue() + ("" if value is None else repr(value))


def texts(cell):
    """What the notebook holds of a cell's outputs."""
    return "".join("".join(output["text"]) for output in cell["outputs"])


def output(shown):
    """A cell's outputs as a notebook holds them."""
    if isinstance(shown, bytes) or not shown:
        return []
    lines = shown.splitlines(keepends=True)
    return [{"output_type": "stream", "name": "stdout", "text": lines}]


def test_the_notebook_runs_and_shows_what_it_says(monkeypatch, capsys):
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    if not (ROOT / "models" / "zfnet-tiny.onnx").exists():
        pytest.skip("the model does not ship with the sources")
    monkeypatch.chdir(NOTEBOOK.parent)
    pictures = 0
    for cell, shown in zip(cells, run(cells), strict=True):
        pictures += isinstance(shown, bytes) and shown.startswith(b"\x89PNG")
        assert texts(cell) == ("" if isinstance(shown, bytes) else shown)
    assert pictures == 2


if __name__ == "__main__":
    notebook = json.loads(NOTEBOOK.read_text())
    os.chdir(NOTEBOOK.parent)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for cell, shown in zip(code, run(code), strict=True):
        cell["outputs"] = output(shown)
    NOTEBOOK.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
