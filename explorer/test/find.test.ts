import { expect, test } from "vitest";
import type { Model, Photo } from "../src/bundle";
import { find } from "../src/find";

const layer = (name: string, maps: number) => ({ name, maps, scanned: true });
const model = {
  layers: [layer("conv1", 64), { ...layer("pool1", 64), scanned: false }, layer("conv5", 128)],
  results: [{ kind: "occlude", title: "Occlusion" }, { kind: "occlude", title: "Occlusion, cat" }],
  classes: ["goldfish", "tabby cat"],
} as unknown as Model;
const photos = [{ name: "cat.jpg" }, { name: "rocket.jpg" }] as Photo[];
const hrefs = (text: string, here = "") => find(text, model, photos, here).map((hit) => hit.href);

test("a unit is found by its layer and number", () => {
  expect(hrefs("conv5:12")).toEqual(["#/conv5:12"]);
  expect(hrefs("conv5:128")).toEqual([]); // there are 128 maps, from 0 on
});

test("a bare number is a unit of the layer one is in, else of the last one", () => {
  expect(hrefs("12", "conv1")[0]).toBe("#/conv1:12");
  expect(hrefs("12")[0]).toBe("#/conv5:12");
});

test("a word finds layers, results, classes and photos", () => {
  expect(hrefs("cat")).toEqual(["#/occlude/2", "#/conv5?class=1", "#/image/0"]);
  expect(hrefs("conv")).toEqual(["#/conv1", "#/conv5"]);
  expect(hrefs("pool1")).toEqual([]); // not in the report
});

test("nothing typed shows the layers", () => {
  expect(hrefs("")).toEqual(["#/conv1", "#/conv5"]);
});

test("names that hold a word as a whole go first", () => {
  const cats = { ...model, results: [], classes: ["bullfrog, Rana catesbeiana", "bobcat", "tabby cat"] } as Model;
  expect(find("cat", cats, [], "").map((hit) => hit.what)).toEqual(["tabby cat", "bullfrog, Rana catesbeiana", "bobcat"]);
  expect(find("a (", cats, [], "")).toEqual([]);
});
