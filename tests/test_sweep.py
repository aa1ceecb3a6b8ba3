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
    sweep.try_network(row, tmp_path, proved=())
    assert (row.reason, row.opens, row.misnamed) == ("", True, [])
    assert row.named > 0.8 * row.layers
    assert row.inverted == dict.fromkeys(sweep.METHODS, row.convs)
    assert row.convs > 15
    assert all(error < max(sweep.KINK, 10 * row.float32.get(method, 0)) for method, error in row.errors.items())
    assert set(row.errors) == set(sweep.METHODS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore")
def test_a_network_that_is_there_is_verified_only(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "examine", None)
    row = sweep.Row("squeezenet1_1", "torchscript", opens=True)
    sweep.try_network(row, tmp_path)
    said = row.verified
    assert (row.reason, said["reason"], said["failed"], said["layers"]) == ("", "", [], 8)
    assert said["checks"] > 5 * 8 and 0.1 < said["gigabytes"] < 2
    said["failed"].append("Conv c: adjoint identity 1e+00")
    assert f"{said['checks'] - 1} of {said['checks']} on 8 layers FAILED Conv c" in sweep.table([row])


def test_a_file_that_verify_refuses_has_the_reason(tmp_path):
    path = tmp_path / "none.onnx"
    path.write_bytes(b"")
    said = sweep.verify(path, "gradient")
    assert said["reason"].startswith("exit 2: ") and "none.onnx" in said["reason"] and said["checks"] == 0


def test_a_network_that_fails_is_a_row_with_its_reason(tmp_path, monkeypatch):
    def broken(*_):
        raise sweep.inspectnet.InspectError("no such thing. Try another.")

    monkeypatch.setattr(sweep, "examine", broken)
    row = sweep.Row("squeezenet1_1", "torchscript")
    sweep.try_network(row, tmp_path)
    assert row.reason == "InspectError: no such thing. Try another."
    assert "| squeezenet1_1 | torchscript | no |" in sweep.table([row])
    assert json.loads(json.dumps(sweep.asdict(row)))["opens"] is False
