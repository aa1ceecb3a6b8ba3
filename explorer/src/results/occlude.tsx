/** What hiding each place of a photo does (Fig. 7). */

import { useState } from "preact/hooks";
import type { Outcome } from "../bundle";
import { Bars, Heat } from "../charts";
import { number, percent } from "../format";
import { useKeys } from "../keys";
import { useReport } from "../report";
import { toUnit } from "../route";
import { arrayOf, rowsOf } from "./arrays";
import { Pixels } from "./pixels";

interface Watched {
  layer: string;
  map: number;
  activity: unknown;
  projection: unknown;
  activity_correlation: number | null;
}

interface Photo {
  image: string;
  target_name: string;
  target: number;
  target_probability: number;
  least_probability: number;
  least_at: [number, number];
  probability: unknown;
  label: unknown;
  winners: { label: number; name: string; places: number }[];
  maps: Watched[];
  photo: unknown;
}

export function Occlude({ outcome }: { outcome: Outcome }) {
  const { photos, grid } = outcome.envelope.result as { photos: Photo[]; grid: { patch: number; stride: number } };
  const report = useReport();
  const [chosen, setChosen] = useState(0);
  const [square, setSquare] = useState<[number, number] | null>(null);
  const turn = (by: number) => () => (setSquare(null), setChosen((chosen + by + photos.length) % photos.length));
  useKeys([
    { keys: ["e", "ArrowRight"], does: "the next photo", run: turn(1) },
    { keys: ["w", "ArrowLeft"], does: "the photo before", run: turn(-1) },
  ]);
  const photo = photos[chosen];
  if (!photo) return null;
  const picture = arrayOf(outcome, photo.photo), probability = arrayOf(outcome, photo.probability);
  const { input } = report.model;
  const tops = arrayOf(outcome, (grid as { tops?: unknown }).tops)?.values, lefts = arrayOf(outcome, (grid as { lefts?: unknown }).lefts)?.values;
  const [top, left] = square ?? photo.least_at;
  const places = photo.winners.reduce((sum, { places }) => sum + places, 0);
  return (
    <>
      <div class="bar-of-tools">
        <label>Photo <select value={chosen} onChange={(event) => (setSquare(null), setChosen(Number(event.currentTarget.value)))}>{photos.map(({ image }, i) => <option key={i} value={i}>{image}</option>)}</select></label>
        <span class="quiet">
          {photo.target_name || `class ${photo.target}`}: {percent(photo.target_probability)}, with the square at row {photo.least_at[0]}, column {photo.least_at[1]} {percent(photo.least_probability)}
        </span>
      </div>
      <div class="panels">
        {picture && (
          <figure class="seen">
            <div class="framed" style={{ aspectRatio: `${picture.shape[1]} / ${picture.shape[0]}` }}>
              <Pixels numbers={picture} photo label={photo.image} />
              <svg viewBox={`0 0 ${input.width} ${input.height}`} aria-hidden="true"><path class="box" d={`M${left} ${top}h${grid.patch}v${grid.patch}h${-grid.patch}Z`} /></svg>
            </div>
            <figcaption>the square {square ? "where you chose" : "that costs most"}</figcaption>
          </figure>
        )}
        {probability && <Heat rows={rowsOf(probability)} label={`probability of ${photo.target_name || photo.target}`} pick={(y, x) => setSquare([tops?.[y] ?? y * grid.stride, lefts?.[x] ?? x * grid.stride])} />}
        {photo.maps.map(({ layer, map, activity, projection, activity_correlation }) => {
          const rows = arrayOf(outcome, activity), signal = arrayOf(outcome, projection);
          return (
            <>
              {rows && <Heat rows={rowsOf(rows)} label={`activity of ${layer}:${map}`} pick={(y, x) => setSquare([tops?.[y] ?? y * grid.stride, lefts?.[x] ?? x * grid.stride])} />}
              {signal && (
                <figure>
                  <Pixels numbers={signal} label={`projection of ${layer}:${map}`} />
                  <figcaption>projection of <a href={toUnit(layer, map)}>{layer}:{map}</a> <span class="quiet">correlation with the drop {number(activity_correlation)}</span></figcaption>
                </figure>
              )}
            </>
          );
        })}
      </div>
      <h2>Most probable where the square is</h2>
      <Bars bars={photo.winners.map(({ label, name, places: n }) => ({ name: name || `class ${label}`, value: n / places }))} most={1} show={percent} />
    </>
  );
}
