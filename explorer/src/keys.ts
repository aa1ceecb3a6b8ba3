/** What each key does: pages say what theirs do, and the list that ? shows is made of the same table. */

import { useEffect, useRef } from "preact/hooks";

export interface Key {
  keys: string[]; // as KeyboardEvent.key; the first is the one that is shown
  does: string;
  run: (event: KeyboardEvent) => void;
}

const tables: { current: Key[] }[] = []; // those of the innermost page last

/** While the component is there, these keys do what they say; those that hold everywhere yield to a page's own. */
export function useKeys(keys: Key[], everywhere = false): void {
  const table = useRef(keys);
  table.current = keys;
  useEffect(() => {
    if (everywhere) tables.unshift(table);
    else tables.push(table);
    return () => void tables.splice(tables.indexOf(table), 1);
  }, []);
}

/** All keys that do something now; where two are the same, the inner page's. */
export function activeKeys(): Key[] {
  const taken = new Set<string>();
  return [...tables].reverse().flatMap(({ current }) =>
    current.filter(({ keys: [first = ""] }) => !taken.has(first) && taken.add(first)),
  );
}

function press(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const target = event.target as HTMLElement;
  const typing = target.matches("input:not([type=range], [type=radio], [type=checkbox], [type=file]), select, textarea");
  if (document.querySelector("dialog[open]") || (typing && event.key !== "Escape")) return;
  if (event.key === " " || (event.key === "Enter" && target.matches("button, a, summary"))) return;
  if (event.key.startsWith("Arrow") && target.matches("input[type=range], input[type=radio]")) return;
  const key = [...tables].reverse().flatMap(({ current }) => current).find(({ keys }) => keys.includes(event.key));
  if (!key) return;
  event.preventDefault();
  key.run(event);
}

export const listen = () => addEventListener("keydown", press);

export const shown = (key: string) =>
  ({ ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc" })[key] ?? key;
