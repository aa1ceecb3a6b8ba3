"""Records that somebody has edited: each is refused in one line that says what and where, or shows what it holds."""

import itertools
import json

import numpy as np
import pytest
from commands import check_result
from fuzz.records import MADE_ELSEWHERE, kept_records, refusal
from records import edits, write

import inspectnet
from inspectnet.errors import OptionError
from inspectnet.report.topics import TOPICS

EACH = 61  # one of so many edits of a command; all of them take some minutes


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """By command the record of a small result and its arrays."""
    folder = tmp_path_factory.mktemp("kept")
    records = kept_records(folder)
    for command in records:
        check_result(folder / "out" / command)
    return records


@pytest.mark.parametrize("command", TOPICS)
def test_an_edited_record_is_refused_in_one_line_or_shown(command, kept, tmp_path):
    told, arrays = kept[command]
    refused = 0
    for where, _, edited, others in itertools.islice(edits(told, arrays), list(TOPICS).index(command), None, EACH):
        if where and where[0] not in MADE_ELSEWHERE:
            refused += bool(refusal(write(tmp_path / "edited", edited, others)))
    assert refused


@pytest.mark.parametrize(
    ("command", "change", "message"),
    [
        ("layers", lambda told: told.update(models=[]), "about.models has 0 models, not one or more"),
        ("deconv", lambda told: told["models"][0].update(preprocess={"mean": [0]}), "preprocess.input_size is missing"),
        ("deconv", lambda told: told["options"].pop("policy"), "about.options.policy is missing"),
        ("evolve", lambda told: told["result"]["layers"][0]["cka"].pop(), r"layers\.0\.cka has 1 epochs, not 2"),
        ("evaluate", lambda told: told["result"]["classes"].pop(), r"accuracy\.classes has 3 classes, not 2"),
        ("diagnose", lambda told: told["result"]["bands"].__setitem__(0, float("nan")), "NaN is no number of JSON"),
        ("correspond", lambda told: told["result"]["parts"].append("ear"), r"hidden\.masks has \d parts, not \d"),
        ("occlude", lambda told: told["result"]["photos"][0].update(target=9), "target is beyond the 3 classes"),
        ("deconv", lambda told: told["options"].update(layers="conv1"), r"about\.options\.layers is no list"),
        ("activations", lambda told: told["result"]["arrays"][0].update(shape=[]), "shape has 0 axes, not one or more"),
        ("invariance", lambda told: told["result"]["sweeps"]["translate"].update(transform="x"), "no transform 'x'"),
    ],
)  # fmt: skip
def test_what_does_not_belong_together_is_named_with_its_place(command, change, message, kept, tmp_path):
    told, arrays = kept[command]
    told = json.loads(json.dumps(told))
    change(told)
    with pytest.raises(OptionError, match=message):
        inspectnet.load(write(tmp_path / "edited", told, arrays))


def test_a_number_that_is_none_is_refused_where_one_must_be(kept, tmp_path):
    told, arrays = kept["explain"]
    key = told["result"]["probabilities"]["array"]
    with pytest.raises(OptionError, match="probabilities holds NaN or infinity"):
        inspectnet.load(write(tmp_path / "edited", told, {**arrays, key: np.full_like(arrays[key], np.nan)}))
