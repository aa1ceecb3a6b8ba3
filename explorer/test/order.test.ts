import { expect, test } from "vitest";
import type { LayerData } from "../src/bundle";
import { select } from "../src/order";

const none = { projection: [], patch: [] };
const data: LayerData = {
  best: none, examples: none, quantiles: { at: [], patch: [] }, filters: [],
  photos: [[4], [], [4, 5], [6]].flatMap((row) => [...row, ...Array<number>(9 - row.length).fill(-1)]),
  highest: [2, 0, 5, 5],
  mean: [1, 0, 0.5, 2],
  active: [0.9, 0, 0.1, 0.5],
  selectivity: [0.2, 0, 0.9, 0.4],
  best_class: [7, 0, 7, 3],
};

test.each([
  ["number", [0, 1, 2, 3]],
  ["highest", [2, 3, 0, 1]],
  ["mean", [3, 0, 2, 1]],
  ["sparse", [2, 3, 0, 1]], // the dead unit is not the sparsest: it is last
  ["selective", [2, 3, 0, 1]],
  ["dead", [1, 0, 2, 3]],
] as const)("maps sorted by %s", (sort, units) => {
  expect(select(data, sort, null, null)).toEqual(units);
});

test("a class leaves the units that it excites most", () => {
  expect(select(data, "highest", 7, null)).toEqual([2, 0]);
});

test("a photo leaves the units that have it among their examples", () => {
  expect(select(data, "number", null, 4)).toEqual([0, 2]);
  expect(select(data, "number", 3, 4)).toEqual([]);
});
