"""Generated networks, with places of their images hidden: the incremental engine against the whole network.

`python tests/wild_occlusion.py --count 200 --seed 0` checks so many; the suite checks a few.
"""

import argparse
import sys
import tempfile

import numpy as np
from wild_nets import CHANNELS, Wild

import inspectnet
from inspectnet.images.hiding import Shapes, hidden_images
from inspectnet.incremental import Incremental
from inspectnet.incremental.cut import make_cut
from inspectnet.incremental.geometry import Geometry


class WildGroups(Wild):
    """With what else keeps places: groups, norms, gates of their own map, and a gate of the whole map."""

    def window(self, x, kind=None):
        y = super().window(x, kind)
        extra = str(self.rng.choice(["", "", "", "depthwise", "lrn", "bn", "gate", "squeeze"]))
        if extra == "depthwise":
            y = self.op.Conv(y, self.weights(CHANNELS, 1, 3, 3), group=CHANNELS, pads=[1, 1, 1, 1])
        elif extra == "lrn":
            y = self.op.LRN(y, size=3, alpha=0.5)
        elif extra == "bn":
            y = self.op.BatchNormalization(y, *(self.rng.random(CHANNELS).astype(np.float32) + 0.5 for _ in range(4)))
        elif extra == "gate":
            y = self.op.Mul(y, self.op.Sigmoid(y))
        elif extra == "squeeze" and self.flip_coin(0.3):
            y = self.op.Mul(y, self.op.Sigmoid(self.op.GlobalAveragePool(y)))
        return self.made(y, self.extents.get(y) or self._extents, extra)

    def made(self, y, extents, said):
        self._extents = tuple(int(n) for n in extents)
        return super().made(y, extents, said)


def draw_places(rng, size):
    """Masks of any shape, (P, H, W): boxes, some with holes, at the borders, of one pixel, all of the image."""
    masks = np.zeros((6, *size), bool)
    for mask in masks[1:]:
        ends = [np.sort(rng.choice(n + 1, 2, replace=False)) for n in size]
        mask[ends[0][0] : ends[0][1], ends[1][0] : ends[1][1]] = True
        if rng.random() < 0.5:
            mask &= rng.random(size) < 0.7
        mask[ends[0][0], ends[1][0]] = True
    masks[0] = True
    masks[1:3, 2:] = masks[1:3, :, 2:] = False
    masks[1, 0, 0] = masks[2, -1, -1] = True
    return masks


def check(seed, folder):
    """Raise AssertionError if the engine's answers are others than the network's; the share of nodes in windows."""
    wild = WildGroups(seed)
    network = inspectnet.open(wild.write(folder), device="cpu", threads=1)
    x, cover = wild.rng.random((2, *network.input_shape), np.float32)
    places = Shapes(draw_places(wild.rng, network.input_shape[1:]))
    geometry = Geometry(network.model)
    outputs = [layer.output for layer in network.layers if layer.spatial and not layer.output.endswith("/maps")]
    share = wild.rng.choice([0.6, 1.0, 1.0])
    frames = geometry.frames(places.boxes)
    cut = make_cut(geometry, [network.value(name) for name in outputs], lambda n: frames[n].share <= share)
    engine = Incremental(network, places, cut, int(wild.rng.integers(1, 8)))
    numbers = np.arange(len(places.masks))
    images = hidden_images(x, cover, places, numbers)
    wanted, seen = network.values(images, outputs), []
    for some, values in engine.answers(x, cover, {}):
        seen += some.tolist()
        for name in outputs:
            limit = 1e-5 * np.abs(wanted[name]).max()
            worst = np.abs(values[name] - wanted[name][some]).max()
            assert worst <= limit, f"seed {seed}, {name} by {worst} of {limit}: " + "; ".join(wild.said)
    assert sorted(seen) == numbers.tolist()
    return len(cut.windowed) / len(cut.needed)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    said, shares, wrong = parser.parse_args(), [], 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(said.seed, said.seed + said.count):
            try:
                shares.append(check(seed, folder))
            except Exception as error:
                wrong += 1
                print(seed, type(error).__name__, str(error)[:1000], flush=True)
    print(f"{len(shares)} right, {wrong} wrong; in windows {np.mean(shares):.0%} of their operators")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
