/** Permalinks: the part of the address behind # says which page is shown. */

import { useEffect, useState } from "preact/hooks";

export type Route =
  | { page: "model" }
  | { page: "layer"; layer: string; query: URLSearchParams }
  | { page: "unit"; layer: string; unit: number }
  | { page: "photos" }
  | { page: "image"; image: number }
  | { page: "live"; photo: string; layer: string; unit: number | null }
  | { page: "result"; kind: string; number: number };

/** Commands, by what their results are called. */
export const RESULTS: Record<string, string> = {
  evolve: "Evolution", occlude: "Occlusion", invariance: "Invariance", diagnose: "Diagnosis",
  correspond: "Correspondence", evaluate: "Accuracy", selectivity: "Selectivity", explain: "Explanation",
  sanity: "Sanity", verify: "Verification", deconv: "Features", layers: "Catalogue", scan: "Scan",
  activations: "Activations", tables: "Tables",
};
const TAKEN = ["photos", "image", "live", "layer", ...Object.keys(RESULTS)];

export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").map(decoded);
  const [first = "", second = "", third = ""] = parts;
  if (!path) return { page: "model" };
  if (first === "photos") return { page: "photos" };
  if (first === "image") return { page: "image", image: whole(second) ?? 0 };
  if (first === "live") return { page: "live", photo: second, ...unitOf(third) };
  if (first in RESULTS) return { page: "result", kind: first, number: whole(second) ?? 1 };
  const { layer, unit } = unitOf(first === "layer" ? second : first);
  return unit === null ? { page: "layer", layer, query: new URLSearchParams(query) } : { page: "unit", layer, unit };
}

/** conv5:212 as a layer and a unit; names of layers may hold colons themselves. */
function unitOf(text: string): { layer: string; unit: number | null } {
  const [, layer, unit] = /^(.*):(\d+)$/.exec(text) ?? [];
  return layer === undefined ? { layer: text, unit: null } : { layer, unit: Number(unit) };
}

const whole = (text: string) => (/^\d+$/.test(text) ? Number(text) : null);

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const encoded = (name: string) => encodeURIComponent(name).replaceAll("%3A", ":").replaceAll("%40", "@");

export const toLayer = (name: string, query = "") =>
  `#/${TAKEN.includes(name) ? "layer/" : ""}${encoded(name)}${query && `?${query}`}`;
export const toUnit = (layer: string, unit: number) => `${toLayer(layer)}:${unit}`;
export const toImage = (image: number) => `#/image/${image}`;
export const toLive = (photo: number | string, layer = "", unit: number | null = null) =>
  `#/live/${photo}${layer && `/${encoded(layer)}${unit === null ? "" : `:${unit}`}`}`;
export const toResult = (kind: string, number: number) => `#/${kind}${number > 1 ? `/${number}` : ""}`;

/** The results of a report, with their links. */
export function linksTo(results: { kind: string; title: string }[]): { name: string; kind: string; title: string; number: number; href: string }[] {
  return results.map(({ kind, title }, index) => {
    const number = results.slice(0, index + 1).filter((other) => other.kind === kind).length;
    return { name: `${RESULTS[kind] ?? kind}${number > 1 ? ` ${number}` : ""}`, kind, title, number, href: toResult(kind, number) };
  });
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parse(location.hash));
  useEffect(() => {
    const change = () => setRoute(parse(location.hash));
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  return route;
}

export const go = (href: string) => void (location.hash = href);

/** Changes the address without a new entry in the history. */
export function replace(href: string): void {
  history.replaceState(null, "", href);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
