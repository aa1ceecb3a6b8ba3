import { expect, test } from "vitest";
import type { Preprocess } from "../src/bundle";
import { cropOf, prepare, roundHalfEven, type Pixels } from "../src/live/prepare";
import python from "./prepared.json"; // what inspectnet's Preparation.fit makes of the same photo

const HEIGHT = 13, WIDTH = 17;

function photo(): Pixels {
  const data = new Uint8ClampedArray(HEIGHT * WIDTH * 4).fill(255);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      for (let c = 0; c < 3; c++) data[(y * WIDTH + x) * 4 + c] = (y * 37 + x * x * 11 + c * 71 + ((x * y) % 7) * 29) % 256;
    }
  }
  return { data, width: WIDTH, height: HEIGHT };
}

const plain: Preprocess = {
  input_size: [3, 6, 6], mean: [0, 0, 0], std: [1, 1, 1],
  interpolation: "bilinear", crop_pct: 0.8, crop_mode: "center", channel_order: "rgb",
};

const cases: [keyof typeof python, Preprocess][] = [
  ...(["bilinear", "bicubic", "lanczos", "box", "hamming", "nearest"] as const).map(
    (interpolation): [keyof typeof python, Preprocess] => [interpolation, { ...plain, interpolation }],
  ),
  ["squash", { ...plain, crop_mode: "squash", mean: [0.4, 0.5, 0.6] }],
  ["border", { ...plain, crop_mode: "border", mean: [0.4, 0.5, 0.6] }],
  ["larger", { ...plain, input_size: [3, 24, 20], crop_pct: 0.9 }],
  ["luma", { ...plain, input_size: [1, 6, 6], mean: [0], std: [1], crop_pct: 1 }],
];

test.each(cases)("%s gives the pixels that Python gives", (name, to) => {
  const { data } = prepare(photo(), cropOf(HEIGHT, WIDTH, to), to).shown;
  const here = [...data].filter((_, i) => (to.input_size[0] === 1 ? i % 4 === 0 : i % 4 !== 3));
  expect(here.length).toBe(python[name].length);
  const far = here.map((level, i) => Math.abs(level - python[name][i]!));
  expect(Math.max(...far)).toBeLessThanOrEqual(1);
  expect(far.filter(Boolean).length).toBeLessThanOrEqual(here.length / 50);
});

test("values are normalised channel by channel in the network's order", () => {
  const to: Preprocess = { ...plain, mean: [0.1, 0.2, 0.3], std: [0.5, 0.25, 1], channel_order: "bgr" };
  const { values, shown } = prepare(photo(), cropOf(HEIGHT, WIDTH, to), to);
  expect(values[0]).toBeCloseTo((shown.data[2]! / 255 - 0.1) / 0.5, 6);
  expect(values[36]).toBeCloseTo((shown.data[1]! / 255 - 0.2) / 0.25, 6);
  expect(values[72]).toBeCloseTo((shown.data[0]! / 255 - 0.3) / 1, 6);
});

test("halves round to even numbers, as in Python", () => {
  expect([0.5, 1.5, 2.5, 2.4, 2.6].map(roundHalfEven)).toEqual([0, 2, 2, 2, 3]);
});
