/** One photo through all layers: which units it excites most, and where. */

import { useState } from "preact/hooks";
import type { Field, ImageData } from "../bundle";
import { Caption } from "../caption";
import { Bars } from "../charts";
import { FramedPhoto, type Box } from "../field";
import { number, percent } from "../format";
import { useKeys } from "../keys";
import { usePromise, useReport } from "../report";
import { go, toImage, toLayer, toLive, toUnit } from "../route";
import { Tile } from "../tile";

type Excited = ImageData["layers"][number]["units"][number];

export function ImagePage({ photo }: { photo: number }) {
  const report = useReport();
  const { photos, model } = report;
  const about = photos[photo];
  const walks = about && photo < model.images.walked;
  const data = usePromise(walks ? report.image(photo) : null);
  const [pointed, setPointed] = useState<{ layer: number; unit: Excited } | null>(null);
  const [place, setPlace] = useState<[number, number] | null>(null);
  const step = (by: number) => () => go(toImage((photo + by + photos.length) % photos.length));
  useKeys([
    { keys: ["e", "ArrowRight", "l"], does: "the next photo", run: step(1) },
    { keys: ["w", "ArrowLeft", "j"], does: "the photo before", run: step(-1) },
    { keys: ["r"], does: "any photo", run: () => go(toImage(Math.floor(Math.random() * photos.length))) },
    { keys: ["c"], does: "this photo, live", run: () => go(toLive(photo)) },
  ]);
  if (!about) return <p class="notice" role="alert">There is no photo {photo}: this report has {photos.length}.</p>;
  const field = pointed ? model.layers[pointed.layer]!.field : null;
  const boxes = pointed ? [fieldBox(field, pointed.unit, model.input)] : [];
  return (
    <div class="page">
      <div class="bar-of-tools">
        <h1>{about.name}</h1>
        <span class="turn">
          <button type="button" onClick={step(-1)} aria-label="The photo before">←</button>
          <button type="button" onClick={step(1)} aria-label="The next photo">→</button>
          <a class="button" href={toLive(photo)}>Live</a>
        </span>
        {about.label !== null && <span class="quiet">labelled {report.className(about.label)}</span>}
      </div>
      <div class="columns image">
        <section class="stays">
          <FramedPhoto photo={photo} boxes={place ? [...boxes, [place[1] - 0.5, place[0] - 0.5, place[1] + 0.5, place[0] + 0.5]] : boxes} place={(y, x) => setPlace([y, x])} />
          <p class="quiet">
            {place ? <>Units that see the place you chose. <button type="button" class="link" onClick={() => setPlace(null)}>All places</button></> : "Choose a place to see what it excites; point at a unit to see its field."}
          </p>
          {data && data.predictions.length > 0 && (
            <>
              <h2>The network says</h2>
              <Bars bars={data.predictions.map(({ index, probability }) => ({ name: report.className(index), value: probability }))} most={1} show={percent} />
            </>
          )}
        </section>
        <section>
          <h2>What it excites <span class="aside quiet">by share of what excites each unit most</span></h2>
          {!walks && <p class="notice">The report tells of the first {model.images.walked} photos. <a href={toLive(photo)}>See this one live.</a></p>}
          {walks && !data && <p class="notice" role="status">Reading …</p>}
          {data && [...data.layers].reverse().map(({ layer, units }) => (
            <LayerRow key={layer} layer={layer} photo={photo} units={place ? units.filter((unit) => sees(model.layers[layer]!.field, unit, place, model.input)) : units} point={(unit) => setPointed(unit && { layer, unit })} />
          ))}
        </section>
      </div>
    </div>
  );
}

function LayerRow({ layer, photo, units, point }: { layer: number; photo: number; units: Excited[]; point: (unit: Excited | null) => void }) {
  const report = useReport();
  const { name } = report.model.layers[layer]!;
  const data = usePromise(report.layer(layer));
  const sheets = data?.best.projection.length ? data.best.projection : data?.best.patch;
  return (
    <div class="excited">
      <h3><a href={toLayer(name)}>{name}</a> <a class="aside" href={toLayer(name, `photo=${photo}`)}>maps with it among their nine</a></h3>
      <ul class="alike">
        {units.map((unit) => (
          <li key={unit.unit} onPointerEnter={() => point(unit)} onPointerLeave={() => point(null)} onFocusIn={() => point(unit)}>
            <a href={toUnit(name, unit.unit)} title={`activation ${number(unit.value)}`}>
              {sheets && <Tile sheets={sheets} index={unit.unit} />}
              <Caption of={name} unit={unit.unit} value={percent(unit.share)} />
            </a>
          </li>
        ))}
        {units.length === 0 && <li class="quiet">none of those it excites most</li>}
      </ul>
    </div>
  );
}

/** The field of a unit's strongest place, in pixels of the network's input. */
export function fieldBox(field: Field | null, { y, x }: { y: number; x: number }, input: { height: number; width: number }): Box {
  if (!field) return [0, 0, input.width, input.height];
  const top = field.top + y * field.stride, left = field.left + x * field.stride;
  return [left, top, left + field.width, top + field.height];
}

function sees(field: Field | null, unit: Excited, [y, x]: [number, number], input: { height: number; width: number }): boolean {
  const [x0, y0, x1, y1] = fieldBox(field, unit, input);
  return x0 <= x && x < x1 && y0 <= y && y < y1;
}
