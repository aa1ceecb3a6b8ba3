"""What part each position has in which, of drawn Resizes, against onnxruntime run on one image for each position."""

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
from nets import onnx_text

from inspectnet.graph.resampling import resampling

MODES = ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners", "half_pixel_symmetric"]
MODES += ["tf_half_pixel_for_nn"]
ROUNDINGS = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


def differs(below, above, scale=None, **how):
    """Rows of a Resize of `below` positions in which onnxruntime has other shares; scale: by scales, not by sizes."""
    words = ", ".join(f'{key} = "{word}"' for key, word in how.items())
    inputs, last = ("x, , s", [scale, 1.0]) if scale else ("x, , , s", [above, 2])
    weights = {"s": np.array(last, np.float32 if scale else np.int64)}
    model = onnx_text(f"y = Resize <axes = [2, 3], {words}> ({inputs})", weights, opset=21, x=(below, 1, below, 2))
    each = np.repeat(np.eye(below, dtype=np.float32)[:, None, :, None], 2, axis=3)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    wanted = session.run(None, {"x": each})[0][:, 0, :, 0].T
    found = resampling(next(iter(ir.from_proto(model).graph)), 2).matrix(below)
    assert found.shape == wanted.shape == (above, below)
    return np.flatnonzero(np.abs(found - wanted).max(axis=1) > 1e-4).tolist()


@pytest.mark.parametrize("mode", MODES)
def test_shares_are_those_of_onnxruntime(mode):
    rng = np.random.default_rng(0)
    for _ in range(40):
        kind = str(rng.choice(["nearest", "nearest", "linear", "cubic"]))
        how = {"mode": kind, "coordinate_transformation_mode": mode}
        how |= {"nearest_mode": str(rng.choice(ROUNDINGS))} if kind == "nearest" else {}
        below, above = (int(n) for n in rng.integers(2, 48, 2))
        scale = float(rng.choice([0, 0, 2, 0.5, 1 / 3, 1.5, 2 / 3, 1.7, 1.1, 7 / 6]))
        above = int(np.float32(below) * np.float32(scale)) if scale else above
        assert above < 2 or differs(below, above, scale, **how) == [], (below, above, scale, how)


@pytest.mark.parametrize(
    ("mode", "rounding", "below", "above"),
    [
        ("pytorch_half_pixel", "round_prefer_floor", 18, 21),  # 14.500001 in float32
        ("asymmetric", "round_prefer_ceil", 15, 18),  # 7.4999995
        ("half_pixel", "round_prefer_ceil", 24, 52),
    ],
)
def test_a_tie_but_for_rounding_is_a_tie(mode, rounding, below, above):
    assert differs(below, above, coordinate_transformation_mode=mode, nearest_mode=rounding, mode="nearest") == []


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_what_keeps_all_extents_is_a_copy_whatever_its_scale(mode):
    assert differs(5, 5, 1.1, coordinate_transformation_mode="asymmetric", mode=mode) == []
    assert differs(5, 5, coordinate_transformation_mode="tf_half_pixel_for_nn", mode=mode) == []
