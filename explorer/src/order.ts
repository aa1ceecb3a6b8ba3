/** Which maps of a layer are shown, and in which order. */

import { EXAMPLES, type LayerData } from "./bundle";

export const SHOWS = ["projection", "patch", "both"] as const;
export type Show = (typeof SHOWS)[number];
export type Sort = "number" | "highest" | "mean" | "sparse" | "selective" | "dead";

interface Row {
  sort: Sort;
  says: string;
  of: (data: LayerData, unit: number) => number;
  rising?: true;
  labels?: true; // needs labelled photos
  share?: true; // is a share of 1
}

export const SORTS: Row[] = [
  { sort: "number", says: "number", of: (data, unit) => data.highest[unit]! },
  { sort: "highest", says: "strongest activation", of: (data, unit) => data.highest[unit]! },
  { sort: "mean", says: "mean activation", of: (data, unit) => data.mean[unit]! },
  { sort: "sparse", says: "sparsity: fewest images first", of: (data, unit) => data.active[unit]!, rising: true, share: true },
  { sort: "selective", says: "class selectivity", of: (data, unit) => data.selectivity?.[unit] ?? 0, labels: true },
  { sort: "dead", says: "dead first, then weakest", of: (data, unit) => data.highest[unit]!, rising: true },
];

/** The units of a layer, of one class or with one photo among their examples, in order. */
export function select(data: LayerData, sort: Sort, chosenClass: number | null, photo: number | null): number[] {
  const row = SORTS.find((candidate) => candidate.sort === sort) ?? SORTS[0]!;
  let units = data.highest.map((_, unit) => unit);
  if (chosenClass !== null && data.best_class) units = units.filter((unit) => data.best_class![unit] === chosenClass);
  if (photo !== null) units = units.filter((unit) => data.photos.slice(unit * EXAMPLES, (unit + 1) * EXAMPLES).includes(photo));
  if (row.sort === "number") return units;
  // a dead unit is neither sparse nor weak: it is last wherever it is not asked for
  const dead = (unit: number) => Number(row.sort !== "dead" && data.highest[unit]! <= 0);
  const way = row.rising ? 1 : -1;
  return units.sort((a, b) => dead(a) - dead(b) || way * (row.of(data, a) - row.of(data, b)) || a - b);
}
