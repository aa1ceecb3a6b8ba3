"""A few rows of the sweep over torchvision; `python tests/sweep.py` runs them all."""

import json

import pytest
import sweep


@pytest.mark.parametrize(
    ("name", "exporter"), [("mobilenet_v3_small", "dynamo"), ("resnet18", "torchscript"), ("detection/fpn", "dynamo")]
)
@pytest.mark.filterwarnings("ignore")
def test_a_network_of_torchvision_opens_is_named_and_inverted_as_torch_does(name, exporter, tmp_path):
    row = sweep.Row(name, exporter)
    sweep.try_network(row, tmp_path)
    assert (row.reason, row.opens, row.misnamed) == ("", True, [])
    assert row.named > 0.8 * row.layers
    assert row.inverted == dict.fromkeys(sweep.METHODS, row.convs)
    assert row.convs > 15
    assert all(error < max(sweep.KINK, 10 * row.float32.get(method, 0)) for method, error in row.errors.items())
    assert set(row.errors) == set(sweep.METHODS)
    said = row.verified
    assert said["reason"] == "" and said["failed"] == [] and said["layers"] == 8 and said["checks"] > 5 * 8
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_fails_is_a_row_with_its_reason(tmp_path, monkeypatch):
    def broken(*_):
        raise sweep.inspectnet.InspectError("no such thing. Try another.")

    monkeypatch.setattr(sweep, "examine", broken)
    row = sweep.Row("squeezenet1_1", "torchscript")
    sweep.try_network(row, tmp_path)
    assert row.reason == "InspectError: no such thing. Try another."
    assert "| squeezenet1_1 | torchscript | no |" in sweep.table([row])
    assert json.loads(json.dumps(sweep.asdict(row)))["opens"] is False
