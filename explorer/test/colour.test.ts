import { expect, test } from "vitest";
import { greyCentred, rgb } from "../src/colour";

test("zero is mid-grey, and equal strength is equal contrast", () => {
  const pixels = greyCentred(new Float32Array([0, 2, -2, 1]), 2, 2, { clip: 100 });
  expect([pixels[0], pixels[4], pixels[8], pixels[12]]).toEqual([128, 255, 1, 192]);
  expect(pixels[3]).toBe(255);
});

test("a signal of zeros is grey everywhere", () => {
  expect(new Set(greyCentred(new Float32Array(12), 2, 2).filter((_, i) => i % 4 !== 3))).toEqual(new Set([128]));
});

test("the percentile counts what is not zero and goes between two values", () => {
  const signal = new Float32Array([...Array<number>(96).fill(0), 1, 2, 3, 4]);
  const pixels = greyCentred(signal, 10, 10, { clip: 50 });
  expect(pixels[96 * 4]).toBe(128 + Math.round(127 / 2.5));
  expect(pixels[99 * 4]).toBe(255);
});

test("gamma lifts what is faint", () => {
  expect(greyCentred(new Float32Array([0.25, 1, 0, 0]), 2, 2, { clip: 100, gamma: 0.5 })[0]).toBe(128 + Math.round(127 / 2));
});

test("shares beyond 0 and 1 have the colours of the ends", () => {
  expect(rgb(-1)).toEqual([68, 1, 84]);
  expect(rgb(2)).toEqual([253, 231, 37]);
});
