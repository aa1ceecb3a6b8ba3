/** What a few typed letters may mean: a unit, a layer, a class, a photo, a result. */

import type { Model, Photo } from "./bundle";
import { linksTo, toImage, toLayer, toUnit } from "./route";

export interface Hit {
  what: string;
  kind: string;
  href: string;
}

const MOST = 12;
const MOST_OF_A_KIND = 5; // classes or photos, so that neither hides the other

/** The first hits for a text; `here` is the layer that a bare number is a unit of. */
export function find(text: string, model: Model, photos: Photo[], here: string): Hit[] {
  const words = text.trim().toLowerCase();
  const scanned = model.layers.filter((layer) => layer.scanned);
  const layer = scanned.find(({ name }) => name === here) ?? scanned.at(-1);
  if (!words) return scanned.slice(0, MOST).map(({ name }) => ({ what: name, kind: "layer", href: toLayer(name) }));
  const hits: Hit[] = [];
  const [, named, digits] = /^(?:(.*):)?(\d+)$/.exec(words) ?? [];
  for (const { name, maps } of scanned) {
    const meant = named === undefined ? name === layer?.name : name.toLowerCase().startsWith(named);
    if (digits && meant && Number(digits) < maps) {
      hits.push({ what: `${name}:${Number(digits)}`, kind: "unit", href: toUnit(name, Number(digits)) });
    }
  }
  const has = (name: string) => name.toLowerCase().includes(words);
  for (const { name } of scanned) if (has(name)) hits.push({ what: name, kind: "layer", href: toLayer(name) });
  for (const { name, kind, title, href } of linksTo(model.results)) {
    if (has(kind) || has(name) || has(title)) hits.push({ what: `${name}: ${title}`, kind: "result", href });
  }
  if (layer) {
    for (const index of best(model.classes ?? [], words)) {
      hits.push({ what: model.classes![index]!, kind: `class, in ${layer.name}`, href: toLayer(layer.name, `class=${index}`) });
    }
  }
  for (const index of best(photos.map(({ name }) => name), words)) {
    hits.push({ what: photos[index]!.name, kind: "photo", href: toImage(index) });
  }
  return hits.slice(0, MOST);
}

/** The first names that hold the words, by number; those that hold them as whole words go first. */
function best(names: string[], words: string): number[] {
  const ranks = names.flatMap((name, index) => {
    const at = name.toLowerCase().indexOf(words);
    if (at < 0) return [];
    const whole = new RegExp(`(^|\\W)${words.replace(/\W/g, "\\$&")}(\\W|$)`, "i").test(name);
    return [{ index, rank: whole ? 0 : at === 0 ? 1 : 2 }];
  });
  return ranks.sort((a, b) => a.rank - b.rank || a.index - b.index).slice(0, MOST_OF_A_KIND).map(({ index }) => index);
}
