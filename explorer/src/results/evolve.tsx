/** How features come to be (Fig. 4): a scrubber over checkpoints, and when each layer settled. */

import { useEffect, useState } from "preact/hooks";
import type { Outcome } from "../bundle";
import { Caption } from "../caption";
import { Lines } from "../charts";
import { number } from "../format";
import { useKeys } from "../keys";
import { useReport } from "../report";
import { toUnit } from "../route";
import { arrayOf, part } from "./arrays";
import { Pixels } from "./pixels";

interface Layer {
  layer: string;
  maps: number[];
  values: unknown; // (maps, epochs)
  projections: unknown; // (maps, epochs, C, H, W)
  filter_cosine: (number | null)[] | null;
  cka: (number | null)[];
  jump_counts: number[];
}

export function Evolve({ outcome }: { outcome: Outcome }) {
  const { epochs, layers } = outcome.envelope.result as { epochs: number[]; layers: Layer[] };
  const report = useReport();
  const [at, setAt] = useState(epochs.length - 1);
  const [chosen, setChosen] = useState(layers.length - 1);
  const [plays, setPlays] = useState(false);
  useEffect(() => {
    if (!plays) return;
    const timer = setInterval(() => setAt((now) => (now + 1) % epochs.length), 700);
    return () => clearInterval(timer);
  }, [plays]);
  const turn = (by: number) => () => setAt((at + by + epochs.length) % epochs.length);
  const near = (by: number) => () => setChosen(Math.max(0, Math.min(layers.length - 1, chosen + by)));
  useKeys([
    { keys: ["ArrowRight", "e"], does: "the next checkpoint", run: turn(1) },
    { keys: ["ArrowLeft", "w"], does: "the checkpoint before", run: turn(-1) },
    { keys: ["f"], does: "play, stop", run: () => setPlays(!plays) },
    { keys: ["o", "u"], does: "the next layer, the layer before", run: (event) => near(event.key === "o" ? 1 : -1)() },
  ]);
  const layer = layers[chosen];
  if (!layer) return null;
  const values = arrayOf(outcome, layer.values), projections = arrayOf(outcome, layer.projections);
  return (
    <>
      <div class="bar-of-tools">
        <label>Layer <select value={chosen} onChange={(event) => setChosen(Number(event.currentTarget.value))}>{layers.map((row, i) => <option key={row.layer} value={i}>{row.layer}</option>)}</select></label>
        <label class="scrubber">Epoch <input type="range" min="0" max={epochs.length - 1} value={at} aria-valuetext={`epoch ${epochs[at]}`} onInput={(event) => setAt(Number(event.currentTarget.value))} /> <b>{epochs[at]}</b></label>
        <button type="button" aria-pressed={plays} onClick={() => setPlays(!plays)}>{plays ? "Stop" : "Play"}</button>
      </div>
      {projections && (
        <ul class="alike evolving">
          {layer.maps.map((map, i) => {
            const caption = <Caption of={layer.layer} unit={map} value={number(values && part(values, i, at).values[0])} />;
            return (
              <li key={map}>
                <Pixels numbers={part(projections, i, at)} label={`${layer.layer}:${map} at epoch ${epochs[at]}`} />
                {report.layerNamed(layer.layer) >= 0 ? <a href={toUnit(layer.layer, map)}>{caption}</a> : caption}
              </li>
            );
          })}
        </ul>
      )}
      <div class="charts">
      {values && <Lines label={`Strongest activations of ${layer.layer}`} xs={epochs} x="epoch" y="strongest activation" lines={layer.maps.map((map, i) => ({ name: `${layer.layer}:${map}`, ys: part(values, i).values }))} />}
      <Lines label="Likeness of activations to the last checkpoint" xs={epochs} x="epoch" y="CKA of activations with the last" lines={layers.map(({ layer, cka }) => ({ name: layer, ys: cka }))} />
      <Lines label="Likeness of filters to the last checkpoint" xs={epochs} x="epoch" y="cosine of filters with the last" lines={layers.flatMap(({ layer, filter_cosine }) => (filter_cosine ? [{ name: layer, ys: filter_cosine }] : []))} />
      </div>
    </>
  );
}
