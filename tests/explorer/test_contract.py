"""The values that Python writes and those that the page reads have the same fields."""

import dataclasses
import re
from pathlib import Path

import pytest

from inspectnet.explorer import contract, exploring, live, outcomes
from inspectnet.explorer.asking import QUESTIONS

TYPES = Path(__file__).parents[2] / "explorer" / "src" / "bundle.ts"
SAME = {
    name: kind
    for module in (contract, exploring, live, outcomes)
    for name, kind in vars(module).items()
    if dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__ and name[0] != "_"
}
WITHIN = {
    "Input": "Model.input", "Accuracy": "Model.accuracy", "Images": "Model.images", "ResultTitle": "Model.results",
    "Pair": "LayerData.best", "Quantiles": "LayerData.quantiles", "Histogram": "UnitData.histogram",
    "ClassMean": "UnitData.classes", "Alike": "UnitData.alike", "Prediction": "ImageData.predictions",
    "ExcitedLayer": "ImageData.layers", "Numbers": "Outcome.arrays", "ResultTable": "Outcome.tables",
}  # fmt: skip


@pytest.fixture(scope="module")
def text():
    return re.sub(r" *//.*", "", TYPES.read_text())


def interface(text, name):
    """The fields of an interface, by name what stands behind the colon."""
    body = re.search(rf"export interface {name} \{{\n(.*?)\n\}}", text, re.DOTALL)[1]
    return dict(re.findall(r"^  (\w+): (.+);", body, re.MULTILINE))


def fields_within(text, path):
    """The fields of the first object type in a field."""
    name, field = path.split(".")
    return re.findall(r"(\w+):", re.search(r"\{([^{}]*)", interface(text, name)[field])[1])


@pytest.mark.parametrize("name", sorted(SAME.keys() - WITHIN.keys() - {"Excited"}))
def test_interfaces_have_the_fields_of_the_dataclasses(text, name):
    assert list(interface(text, name)) == [field.name for field in dataclasses.fields(SAME[name])]


@pytest.mark.parametrize("name", sorted(WITHIN))
def test_objects_within_have_the_fields_of_the_dataclasses(text, name):
    assert fields_within(text, WITHIN[name]) == [field.name for field in dataclasses.fields(SAME[name])]


def test_a_unit_that_a_photo_excites_has_the_fields_of_the_dataclass(text):
    units = re.search(r"units: \{([^{}]*)", interface(text, "ImageData")["layers"])[1]
    assert re.findall(r"(\w+):", units) == [field.name for field in dataclasses.fields(contract.Excited)]


def test_questions_have_the_fields_of_the_dataclasses(text):
    told = {}
    for question in re.findall(r"\| (\{ ask: [^}]* \})", text):
        told[re.search(r'"(\w+)"', question)[1]] = re.findall(r"(\w+):", question)
    assert told == {name: [field.name for field in dataclasses.fields(kind)] for name, kind in QUESTIONS.items()}


def test_the_numbers_of_the_format_are_the_same(text):
    for name in ("SCHEMA", "UNITS_A_CHUNK", "EXAMPLES"):
        assert re.search(rf"export const {name} = (\d+);", text)[1] == str(getattr(contract, name))
    assert f'export const MARK = "{contract.MARK}";' in text
