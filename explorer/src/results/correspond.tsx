/** Whether hiding the same part of different photos changes features alike (Table 1). */

import type { Outcome } from "../bundle";
import { Bars } from "../charts";
import { number } from "../format";

interface Change {
  mean: number;
  deviation: number;
  chance: number;
}

interface Layer {
  layer: string;
  parts: { part: string; p: number; p_corrected: number; hidden: Change; random: Change }[];
}

export function Correspond({ outcome }: { outcome: Outcome }) {
  const { layers, pairs } = outcome.envelope.result as { layers: Layer[]; pairs: number };
  return (
    <>
      <p class="quiet">Mean distance of the signs of changes, over {number(pairs)} pairs of photos: the smaller, the more alike.</p>
      {layers.map(({ layer, parts }) => (
        <section key={layer}>
          <h2>{layer}</h2>
          <Bars
            most={Math.max(...parts.flatMap(({ hidden, random }) => [hidden.mean, random.mean]))}
            bars={parts.flatMap(({ part, hidden, random, p_corrected }) => [
              { name: `${part} hidden`, value: hidden.mean, note: `deviation ${number(hidden.deviation)}; by chance ${number(hidden.chance)}; p ${number(p_corrected)}` },
              { name: "as much at random", value: random.mean, note: `deviation ${number(random.deviation)}` },
            ])}
          />
        </section>
      ))}
    </>
  );
}
