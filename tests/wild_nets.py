"""Networks drawn at random from all that moves or mixes places: windows, pads, cuts, flips, resizes, joins.

`python tests/wild_nets.py 1000 4999` checks those of these seeds, the last one too; the suite checks a few.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx_ir as ir

import inspectnet
from inspectnet.geometry import Unit
from inspectnet.graph.builder import Op
from inspectnet.inverse import field_box
from inspectnet.rules import Policy

CHANNELS = 3
COORDINATES = ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners", "half_pixel_symmetric"]


class Refused(Exception):
    """What was drawn does not fit the map."""


class Wild:
    """A network under way: each method appends something to a map of known extents, and gives the new map."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.extents = {}
        self.said = []
        self.exact = True  # every unit sees all that lies in its rows and in its columns

    def write(self, folder):
        """The path of the network, drawn and saved."""
        height, width = (int(n) for n in self.rng.integers(16, 34, 2))
        x = ir.Value(
            name="image", shape=ir.Shape(["N", CHANNELS, height, width]), type=ir.TensorType(ir.DataType.FLOAT)
        )
        graph = ir.Graph([x], [], nodes=[], opset_imports={"": 21}, name="wild")
        self.op, self.extents[x] = Op(graph, "n"), (height, width)
        if self.flip_coin(0.7):
            x = self.draw(self.window, x)
        for _ in range(self.rng.integers(1, 5)):
            kinds = [self.window, self.transposed, self.pad, self.mirror, self.cut, self.cut, self.resize, self.resize,
                     self.shuffle, self.join, self.join, self.part]  # fmt: skip
            x = self.draw(kinds[self.rng.integers(len(kinds))], x)
        x = self.draw(self.convolution, x)
        x = self.op.Conv(x, self.weights(CHANNELS, CHANNELS, 1, 1))  # its output is a layer
        x.type = ir.TensorType(ir.DataType.FLOAT)
        graph.outputs.append(x)
        path = Path(folder) / "wild.onnx"
        ir.save(ir.Model(graph, ir_version=10), path)
        return path

    def flip_coin(self, chance=0.5):
        return bool(self.rng.random() < chance)

    def draw(self, kind, x):
        """What the first of some tries gives that fits; the map itself if none does."""
        for _ in range(20):
            before = list(self.said)
            try:
                return kind(x)
            except Refused:
                self.said = before
        return x

    def made(self, y, extents, said):
        if min(extents) < 2 or max(extents) > 80:
            raise Refused
        self.extents[y] = tuple(int(n) for n in extents)
        self.said.append(f"{said} -> {self.extents[y]}")
        return y

    def weights(self, *shape):
        """Positive, so that no change is lost at a rectifier."""
        return (self.rng.random(shape) + 0.2).astype(np.float32) / np.float32(np.prod(shape[1:]) * 0.7)

    # What mixes places ------------------------------------------------------------------------------------

    def window(self, x, kind=None):
        kind = kind or str(self.rng.choice(["conv", "conv", "max", "average"]))
        kernel, strides, dilations = (self.rng.integers(1, high, 2) for high in (5, 4, 3))
        pads = self.rng.integers(0, np.tile(kernel, 2)) * self.flip_coin(0.7)
        ceil = int(kind != "conv" and self.flip_coin())
        if ceil and kind == "average":
            dilations[:] = 1  # onnx and its runtime count the last windows differently
        reach = (kernel - 1) * dilations + 1
        room = np.array(self.extents[x]) + pads[:2] + pads[2:] - reach
        if room.min() < 0:
            raise Refused
        steps = -(-room // strides) if ceil else room // strides
        steps = steps - ((steps * strides >= np.array(self.extents[x]) + pads[:2]) & bool(ceil))
        how = {key: [int(n) for n in a] for key, a in (("strides", strides), ("dilations", dilations), ("pads", pads))}
        sizes, extents = [int(n) for n in kernel], steps + 1
        said = f"{kind} {sizes} {how} ceil {ceil}"
        if min(extents) < 2:
            raise Refused
        if kind == "conv":
            y = self.op.Relu(self.op.Conv(x, self.weights(CHANNELS, CHANNELS, *sizes), **how))
        elif kind == "max":
            y = self.op.MaxPool(x, kernel_shape=sizes, ceil_mode=ceil, **how)
        else:
            counts = int(self.flip_coin())
            y = self.op.AveragePool(x, kernel_shape=sizes, ceil_mode=ceil, count_include_pad=counts, **how)
        return self.made(y, extents, said)

    def convolution(self, x):
        return self.window(x, "conv")

    def transposed(self, x):
        kernel, strides = self.rng.integers(1, 5, 2), self.rng.integers(1, 4, 2)
        pads = self.rng.integers(0, np.minimum(np.tile(kernel, 2), 3))
        extra = [int(self.rng.integers(0, s)) for s in strides]
        extents = (np.array(self.extents[x]) - 1) * strides + kernel - pads[:2] - pads[2:] + extra
        if min(extents) < 2:
            raise Refused
        how = {"strides": [int(s) for s in strides], "pads": [int(p) for p in pads], "output_padding": extra}
        y = self.op.ConvTranspose(x, self.weights(CHANNELS, CHANNELS, *(int(k) for k in kernel)), **how)
        return self.made(y, extents, f"transposed {kernel} {how}")

    # What moves them --------------------------------------------------------------------------------------

    def pad(self, x):
        pads = [int(n) for n in self.rng.integers(-3, 4, 4)]
        return self._padded(x, pads, "constant")

    def mirror(self, x):
        pads = [int(n) for n in self.rng.integers(0, 4, 4)]
        mode = str(self.rng.choice(["reflect", "reflect", "edge", "edge", "wrap"]))
        if max(pads) >= min(self.extents[x]):
            raise Refused
        return self._padded(x, pads, mode)

    def _padded(self, x, pads, mode):
        extents = [n + pads[i] + pads[i + 2] for i, n in enumerate(self.extents[x])]
        if min(extents) < 2:
            raise Refused
        y = self.op.Pad(x, np.array(pads, np.int64), None, np.array([2, 3], np.int64), mode=mode)
        return self.made(y, extents, f"pad {mode} {pads}")

    def cut(self, x):
        axis = int(self.rng.integers(2))
        extent = self.extents[x][axis]
        step = int(self.rng.choice([1, 1, 2, 3, -1, -1, -2]))
        first, last = sorted(int(n) for n in self.rng.integers(0, extent, 2))
        if self.flip_coin():
            first, last = 0, extent - 1
        places = range(first, last + 1, step) if step > 0 else range(last, first - 1, step)
        if len(places) < 2:
            raise Refused
        start, end = (first, last + 1) if step > 0 else (last, first - 1)
        start -= extent * self.flip_coin()
        end = -(2**62) if end < 0 else end - extent * (end < extent and self.flip_coin())
        y = self.op.Slice(x, *(np.array([n], np.int64) for n in (start, end, axis + 2, step)))
        extents = list(self.extents[x])
        extents[axis] = len(places)
        return self.made(y, extents, f"slice {start}:{end}:{step} along {axis}")

    def resize(self, x):
        how = {"mode": str(self.rng.choice(["nearest", "linear", "linear", "cubic"]))}
        how["coordinate_transformation_mode"] = str(self.rng.choice(COORDINATES))
        if how["mode"] == "nearest":
            how["nearest_mode"] = str(self.rng.choice(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]))
        if how["mode"] == "cubic":
            self.exact, how["exclude_outside"] = False, int(self.flip_coin())  # what falls below 0 is lost
        below = np.array(self.extents[x])
        scales = self.rng.choice([2, 2, 3, 1, 0.5, 0.5, 1 / 3, 1.5, 2 / 3, 1.7], 2).astype(np.float32)
        extents = np.floor(below.astype(np.float32) * scales).astype(int)
        even = bool(np.isin(scales, [1, 2, 0.5, 1.5, 3]).all())
        self.exact &= even  # else a share may be 0 but for rounding
        by_size = self.flip_coin()
        if by_size and self.flip_coin(0.3):
            self.exact, extents = False, self.rng.integers(2, 30, 2)
        if min(extents) < 2 or max(extents) > 80:
            raise Refused
        if by_size:
            y = self.op.Resize(x, None, None, np.array([*extents], np.int64), axes=[2, 3], **how)
        else:
            y = self.op.Resize(x, None, np.array([1, 1, *scales], np.float32), **how)
        return self.made(y, extents, f"resize {how} by size {by_size}")

    def shuffle(self, x):
        """Places to channels or back, with a convolution that keeps their number."""
        extents = np.array(self.extents[x])
        if self.flip_coin():
            if (extents % 2).any():
                raise Refused
            y = self.op.Conv(self.op.SpaceToDepth(x, blocksize=2), self.weights(CHANNELS, 4 * CHANNELS, 1, 1))
            return self.made(y, extents // 2, "space to depth")
        y = self.op.Conv(x, self.weights(4 * CHANNELS, CHANNELS, 1, 1))
        return self.made(
            self.op.DepthToSpace(y, blocksize=2, mode=str(self.rng.choice(["CRD", "DCR"]))), extents * 2, "d2s"
        )

    def part(self, x):
        """Focus: of every two rows and columns one to each of four maps; or one part of a Split."""
        h, w = self.extents[x]
        if self.flip_coin() and h > 3:
            first = int(self.rng.integers(2, h - 1))
            parts = self.op.several("Split", 2, x, np.array([first, h - first], np.int64), axis=2)
            which = int(self.rng.integers(2))
            return self.made(parts[which], ((first, h - first)[which], w), f"part {which} of a split at {first}")
        if h % 2 or w % 2:
            raise Refused
        corners = [
            self.op.Slice(x, np.array([a, b]), np.array([2**62] * 2), np.array([2, 3]), np.array([2, 2]))
            for b in (0, 1)
            for a in (0, 1)
        ]
        y = self.op.Conv(self.op.Concat(*corners, axis=1), self.weights(CHANNELS, 4 * CHANNELS, 1, 1))
        return self.made(y, (h // 2, w // 2), "focus")

    # What joins them --------------------------------------------------------------------------------------

    def join(self, x):
        """Two ways from a map, cut or resized to one extent, added or side by side."""
        kinds = [self.window, self.transposed, self.pad, self.mirror, self.cut, self.resize, lambda x: x]
        ways = [self.draw(kinds[self.rng.integers(len(kinds))], x) for _ in range(2)]
        if self.flip_coin(0.3):
            ways = [self.draw(kinds[self.rng.integers(len(kinds))], way) for way in ways]
        extents = np.minimum(*(self.extents[way] for way in ways))
        if min(extents) < 2:
            raise Refused
        a, b = (self.fitted(way, extents) for way in ways)
        self.exact = False  # one way may end in a row, the other in a column
        if self.flip_coin():
            return self.made(self.op.Add(a, b), extents, "added")
        y = self.op.Conv(self.op.Concat(a, b, axis=1), self.weights(CHANNELS, 2 * CHANNELS, 1, 1))
        return self.made(y, extents, "joined")

    def fitted(self, x, extents):
        """The middle of a map, as U-Net cuts it."""
        if tuple(extents) == self.extents[x]:
            return x
        starts = (np.array(self.extents[x]) - extents) // 2
        y = self.op.Slice(x, starts, starts + extents, np.array([2, 3]))
        return self.made(y, extents, f"cut to {tuple(extents)} from {tuple(starts)}")


# What must hold of any of them ----------------------------------------------------------------------------


def check(seed, folder):
    """Raise AssertionError if the last layer's fields are wrong, or crops give other projections; how croppable."""
    wild = Wild(seed)
    net = inspectnet.open(wild.write(folder), device="cpu", threads=1)
    layer = net.layers[-1]
    image = wild.rng.random((1, *net.input_shape), np.float32)
    said = f"seed {seed}, image {net.input_shape}: " + "; ".join(wild.said)
    if layer.field is None:
        return "whole"
    check_fields(net, layer, image, wild, said)
    check_patches(net, layer, image, said)
    return check_crops(net, layer, image, wild, said)


def seen_along(net, layer, image, axis, rounding):
    """For each unit along an axis the first pixel that changes it and the one behind the last; (image, 0) if none.

    rounding: the part of the largest change that may be but a share of 0, rounded.
    """
    extent = net.input_shape[1 + axis]
    changed = np.repeat(image, 2 * extent, axis=0)
    for i in range(extent):
        for j, change in enumerate((1e3, -1e3)):
            changed[(2 * i + j, slice(None), *([slice(None)] * axis), i)] += change
    maps = net.activations(np.concatenate([image, changed]), layer.name)
    changes = np.abs(maps[1:] - maps[:1])
    differs = (changes > rounding * changes.max()).any(axis=1).any(axis=2 - axis).reshape(extent, 2, -1).any(axis=1)
    first = np.where(differs.any(axis=0), differs.argmax(axis=0), extent)
    return first, np.where(differs.any(axis=0), extent - differs[::-1].argmax(axis=0), 0)


def check_fields(net, layer, image, wild, said):
    """Every unit sees what changes it, and no more; what is said of all is little wider: two places of a map."""
    for number, axis in enumerate(layer.field):
        first, last = seen_along(net, layer, image, number, 0.0 if wild.exact else 1e-5)
        spans = np.array([axis.span(i) for i in range(len(first))])
        seen = first < last
        assert (axis.first <= first).all() and (axis.last >= last).all(), said
        if wild.exact and seen.any():
            np.testing.assert_array_equal(axis.first, first, said)
            np.testing.assert_array_equal(axis.last, last, said)
        assert (spans[seen, 0] <= axis.first[seen]).all() and (spans[seen, 1] >= axis.last[seen]).all(), said
        assert (spans[:, 1] - spans[:, 0] <= axis.box).all(), said
        inside = seen & (spans[:, 0] >= 0) & (spans[:, 1] <= axis.image)
        if wild.exact and inside.all():
            slack = 2 * max(abs(other.field[number].jump) for other in net.layers if other.field)
            assert (axis.first - spans[:, 0]).min() <= slack and (spans[:, 1] - axis.last).min() <= slack, said


def check_patches(net, layer, image, said):
    """A patch is what a unit's box holds of the image, with zeros beyond its border."""
    height, width = net.input_shape[1:]
    for y, x in np.ndindex(*layer.shape[2:]):
        box = x0, y0, x1, y1 = field_box(layer, y, x, (height, width))
        for begin, end, axis, at in ((y0, y1, layer.field[0], y), (x0, x1, layer.field[1], x)):
            assert axis.first[at] >= axis.last[at] or (begin <= axis.first[at] and axis.last[at] <= end), said
        if (y, x) in ((0, 0), (layer.shape[2] - 1, layer.shape[3] - 1)):
            reach = 400
            padded = np.pad(image[0], ((0, 0), (reach, reach), (reach, reach)))
            wanted = padded[:, reach + y0 : reach + y1, reach + x0 : reach + x1]
            np.testing.assert_array_equal(box.cut(image[0]), wanted, said)


def check_crops(net, layer, image, wild, said):
    """Units at the corners and anywhere have the same projections through crops as through the whole image."""
    h, w = (int(n) for n in layer.shape[2:])
    places = [
        (0, 0),
        (h - 1, w - 1),
        (0, w - 1),
        *zip(wild.rng.integers(h, size=5), wild.rng.integers(w, size=5), strict=True),
    ]
    units = [Unit(0, int(wild.rng.integers(CHANNELS)), int(y), int(x)) for y, x in places]
    if (layer.field[0].crop, layer.field[1].crop) == net.input_shape[1:]:
        return "uncroppable"
    for method in ("deconvnet", "guided_backprop", "gradient"):
        whole = net.inverse(Policy(method)).project(image, layer.name, units, crop=False)
        parts = net.inverse(Policy(method)).project(image, layer.name, units)
        for unit, a, b in zip(units, whole, parts, strict=True):
            full = b.window(a.box)
            limit = 1e-5 * max(np.abs(a.pixels).max(), 1e-6)
            assert np.abs(full - a.pixels).max() <= limit, f"{method} at {unit}: {said}"
    return "cropped"


def main():
    """Check the networks of all seeds from one to another, both of them, and tell how many had a field and a crop."""
    first, last = map(int, sys.argv[1:3])
    counts, wrong = {}, 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, last + 1):
            try:
                what = check(seed, folder)
            except Exception as error:
                wrong += 1
                what = type(error).__name__
                print(seed, type(error).__name__, str(error)[:1500], flush=True)
            counts[what] = counts.get(what, 0) + 1
    print(counts)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
