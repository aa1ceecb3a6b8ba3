import { expect, test } from "vitest";
import { fromPlanes } from "../src/live/wasm";

test("bytes in planes become numbers again, and a rest stays", () => {
  expect([...fromPlanes(new Uint8Array([1, 5, 2, 6, 3, 7, 4, 8, 9]))]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
});
