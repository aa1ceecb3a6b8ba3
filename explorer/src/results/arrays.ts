/** Arrays of a result's record: {"array": NAME} stands where an array is, whose numbers lie beside it. */

import type { Outcome } from "../bundle";

export interface Numbers {
  shape: number[];
  values: (number | null)[];
}

/** The array that a member of the record stands for; null where the report leaves it out. */
export function arrayOf(outcome: Outcome, member: unknown): Numbers | null {
  const name = (member as { array?: string } | null)?.array;
  return (name !== undefined && outcome.arrays[name]) || null;
}

/** The part of an array with these first indices. */
export function part({ shape, values }: Numbers, ...at: number[]): Numbers {
  const rest = shape.slice(at.length);
  const size = rest.reduce((a, b) => a * b, 1);
  const start = at.reduce((sum, index, axis) => sum * shape[axis]! + index, 0) * size;
  return { shape: rest, values: values.slice(start, start + size) };
}

/** A two-dimensional array as rows. */
export function rowsOf({ shape: [height = 0, width = 0], values }: Numbers): (number | null)[][] {
  return Array.from({ length: height }, (_, y) => values.slice(y * width, (y + 1) * width));
}

/** The mean over the first axis. */
export function meanOf(numbers: Numbers): (number | null)[] {
  const [count = 0] = numbers.shape;
  const rows = Array.from({ length: count }, (_, i) => part(numbers, i).values);
  return (rows[0] ?? []).map((_, j) => {
    const known = rows.map((row) => row[j]).filter((value) => value !== null && value !== undefined);
    return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
  });
}
