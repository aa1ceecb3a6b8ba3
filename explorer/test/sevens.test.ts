import { expect, test } from "vitest";
import { fromSevens } from "../src/sevens";

test("bytes come back from the text that Python made of them", () => {
  // to_text(bytes(range(0, 256, 17)) + b"\x00\x1a\x3c")
  const text = "\u00a0\u0004$#\u001a\u0011*f;b\u0013\u001aUo\u0019]w?`\u0001Qp";
  expect([...fromSevens(text)]).toEqual([...Array.from({ length: 16 }, (_, i) => i * 17), 0, 26, 60]);
});

test("an empty text holds no bytes", () => {
  expect(fromSevens("").length).toBe(0);
});
