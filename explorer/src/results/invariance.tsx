/** How features change as photos move, grow and turn (Fig. 5). */

import { useState } from "preact/hooks";
import type { Outcome } from "../bundle";
import { Lines } from "../charts";
import { count } from "../format";
import { useKeys } from "../keys";
import { arrayOf, meanOf } from "./arrays";

interface Sweep {
  transform: string;
  amounts: unknown;
  distances: Record<string, unknown>; // (photos, amounts) of each layer
  layers: { layer: string; distance: (number | null)[] }[];
  mean_probability: (number | null)[];
  kept_share: (number | null)[];
}

const UNITS: Record<string, string> = { translate: "shift, px", scale: "factor", rotate: "degrees" };

export function Invariance({ outcome }: { outcome: Outcome }) {
  const { sweeps, photos } = outcome.envelope.result as { sweeps: Record<string, Sweep>; photos: { image: string }[] };
  const names = Object.keys(sweeps);
  const [chosen, setChosen] = useState(names[0] ?? "");
  useKeys([{ keys: ["o", "u", "e", "w"], does: "shift, scale, turn", run: () => setChosen(names[(names.indexOf(chosen) + 1) % names.length]!) }]);
  const sweep = sweeps[chosen];
  if (!sweep) return null;
  const distances = Object.entries(sweep.distances).map(([layer, member]) => [layer, arrayOf(outcome, member)] as const);
  const amounts = arrayOf(outcome, sweep.amounts)?.values.map((value) => value ?? 0) ?? sweep.mean_probability.map((_, i) => i);
  const x = UNITS[chosen] ?? chosen;
  const lines = sweep.layers.map(({ layer, distance }) => ({ name: layer, ys: distance }));
  const spread = distances.flatMap(([layer, numbers]) => (numbers ? [{ name: layer, ys: meanOf(numbers) }] : []));
  return (
    <>
      <div class="bar-of-tools" role="group" aria-label="Transform">
        {names.map((name) => <button key={name} type="button" aria-pressed={name === chosen} onClick={() => setChosen(name)}>{name}</button>)}
        <span class="quiet">mean of {count(photos.length, "photo")}</span>
      </div>
      <div class="charts">
      <Lines label={`Distance of features under ${chosen}`} xs={amounts} x={x} y="distance of features from those of the photo as it is" lines={lines.length ? lines : spread} />
      <Lines label={`Probability and answers kept under ${chosen}`} xs={amounts} x={x} y="share" lines={[{ name: "probability of the class", ys: sweep.mean_probability }, { name: "photos with the same answer", ys: sweep.kept_share }]} />
      </div>
    </>
  );
}
