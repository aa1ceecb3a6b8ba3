import { expect, test } from "vitest";
import { ticks } from "../src/charts";

test.each([
  [0, 1, [0, 0.5, 1]],
  [1, 30, [10, 20, 30]],
  [-15, 15, [-10, 0, 10]],
  [0, 4.24, [0, 2, 4]],
  [0, 0.0011, [0, 0.0005, 0.001]],
])("from %d to %d ticks are round numbers", (low, high, expected) => {
  expect(ticks(low, high)).toEqual(expected);
});
