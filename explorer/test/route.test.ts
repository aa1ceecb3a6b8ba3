import { expect, test } from "vitest";
import { parse, toImage, toLayer, toLive, toResult, toUnit } from "../src/route";

test.each([
  ["", { page: "model" }],
  ["#/", { page: "model" }],
  ["#/conv5:212", { page: "unit", layer: "conv5", unit: 212 }],
  ["#/image/12", { page: "image", image: 12 }],
  ["#/photos", { page: "photos" }],
  ["#/occlude", { page: "result", kind: "occlude", number: 1 }],
  ["#/occlude/2", { page: "result", kind: "occlude", number: 2 }],
  ["#/live/12/conv5:3", { page: "live", photo: "12", layer: "conv5", unit: 3 }],
  ["#/%E0%A4%A", { page: "layer", layer: "%E0%A4%A" }],
])("%s is a page", (hash, route) => {
  expect(parse(hash)).toMatchObject(route);
});

test.each(["conv5", "blk3/attn", "features.0", "a:b", "live", "image", "évolue?#%"])("the layer %s has a permalink", (name) => {
  expect(parse(toLayer(name))).toMatchObject({ page: "layer", layer: name });
  expect(parse(toUnit(name, 7))).toEqual({ page: "unit", layer: name, unit: 7 });
  expect(parse(toLive(3, name, 7))).toEqual({ page: "live", photo: "3", layer: name, unit: 7 });
});

test("a layer's page keeps what it is sorted and filtered by", () => {
  const route = parse(toLayer("conv5", "sort=mean&class=12"));
  expect(route.page === "layer" && route.query.get("class")).toBe("12");
});

test("results and photos have links of their own", () => {
  expect(toResult("occlude", 1)).toBe("#/occlude");
  expect(parse(toResult("occlude", 2))).toEqual({ page: "result", kind: "occlude", number: 2 });
  expect(parse(toImage(4))).toEqual({ page: "image", image: 4 });
});
