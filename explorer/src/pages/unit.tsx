/** One unit: its strongest images with their projections, and how it answers to all the others. */

import { useEffect, useState } from "preact/hooks";
import { EXAMPLES, UNITS_A_CHUNK, type Example, type LayerData } from "../bundle";
import { Caption } from "../caption";
import { Bars, Histogram } from "../charts";
import { FramedPhoto } from "../field";
import { number, percent } from "../format";
import { useKeys } from "../keys";
import { settle, usePromise, useReport, type Report } from "../report";
import { go, toImage, toLayer, toLive, toUnit } from "../route";
import { placeOf, Tile } from "../tile";

export function UnitPage({ layerName, unit }: { layerName: string; unit: number }) {
  const report = useReport();
  const index = report.layerNamed(layerName);
  const layer = report.model.layers[index];
  const exists = layer?.scanned && unit < layer.maps;
  const data = usePromise(exists ? report.layer(index) : null);
  const units = usePromise(exists ? report.units(index, unit) : null);
  const [rank, setRank] = useState(0);
  const [zoomed, setZoomed] = useState(false);
  useEffect(() => setRank(0), [unit, layerName]);
  useEffect(() => {
    if (data && layer) fetchAhead(report, index, data, unit, layer.maps);
  }, [data, unit]);
  const step = (by: number) => () => layer && go(toUnit(layerName, (unit + by + layer.maps) % layer.maps));
  const near = (by: number) => () => {
    const scanned = report.model.layers.filter((other) => other.scanned);
    const next = scanned[scanned.findIndex((other) => other.name === layerName) + by];
    if (next) go(toUnit(next.name, Math.min(unit, next.maps - 1)));
  };
  const random = () => layer && go(toUnit(layerName, Math.floor(Math.random() * layer.maps)));
  const turnExample = (by: number) => () => setRank((rank + by + EXAMPLES) % EXAMPLES);
  useKeys([
    { keys: ["ArrowRight", "l"], does: "the next unit", run: step(1) },
    { keys: ["ArrowLeft", "j"], does: "the unit before", run: step(-1) },
    { keys: ["L", "J"], does: "three units on, back", run: (event) => step(event.key === "L" ? 3 : -3)() },
    { keys: ["r"], does: "any unit of the layer", run: random },
    { keys: ["e", "ArrowDown", "k"], does: "its next example", run: turnExample(1) },
    { keys: ["w", "ArrowUp", "i"], does: "the example before", run: turnExample(-1) },
    { keys: ["o", "]"], does: "the next layer", run: near(1) },
    { keys: ["u", "["], does: "the layer before", run: near(-1) },
    { keys: ["z"], does: "the example's photo, larger or smaller", run: () => setZoomed(!zoomed) },
    { keys: ["c"], does: "this unit, live", run: () => go(toLive(units?.[unit % UNITS_A_CHUNK]?.examples[rank]?.photo ?? "", layerName, unit)) },
  ]);
  if (!layer?.scanned) return <p class="notice" role="alert">{report.whyNot(layerName)}</p>;
  if (!exists) return <p class="notice" role="alert">{layerName} has {layer.maps} maps, 0 to {layer.maps - 1}: there is no {layerName}:{unit}.</p>;
  if (!data || !units) return <p class="notice" role="status">Reading {layerName}:{unit} …</p>;
  const about = units[unit % UNITS_A_CHUNK]!;
  const example = about.examples[rank] ?? about.examples[0];
  const dead = data.highest[unit]! <= 0;
  return (
    <div class="page unit">
      <div class="bar-of-tools">
        <h1><a href={toLayer(layerName)}>{layerName}</a>:{unit}</h1>
        <span class="turn">
          <button type="button" onClick={step(-1)} aria-label="The unit before">←</button>
          <button type="button" onClick={step(1)} aria-label="The next unit">→</button>
          <button type="button" onClick={random}>Random</button>
          {example && <a class="button" href={toLive(example.photo, layerName, unit)}>Live</a>}
        </span>
        <Values data={data} unit={unit} report={report} />
      </div>
      {dead && <p class="notice">No image excites this map above 0.</p>}
      {example && <div class="columns" data-zoomed={zoomed || undefined}>
        <Nine title="Projections" what="projection" sheets={data.examples.projection} unit={unit} examples={about.examples} rank={rank} choose={setRank} />
        <Nine title="Patches" what="patch" sheets={data.examples.patch} unit={unit} examples={about.examples} rank={rank} choose={setRank} />
        <section class="example">
          <h2>Where it is <a class="aside" href={toImage(example.photo)}>this photo through all layers</a></h2>
          <FramedPhoto photo={example.photo} boxes={[example.box]} shown={example.shown} />
          <p class="quiet">
            {report.photos[example.photo]?.name}: activation {number(example.value)} at row {example.y}, column {example.x}
          </p>
        </section>
      </div>}
      <div class="columns lower">
        {example && data.quantiles.at.length > 0 && (
          <section>
            <h2>Not only the strongest</h2>
            <ul class="quantiles">
              {about.examples[0] && <Quantile name="highest" value={about.examples[0].value}><Tile sheets={data.examples.patch} index={unit * EXAMPLES} label="patch" /></Quantile>}
              {data.quantiles.at.map((at, i) => {
                const shown = about.quantiles[i];
                return shown && (
                  <Quantile key={at} name={at === 0.5 ? "median" : `${number(at * 100)} %`} value={shown.value} href={toImage(shown.photo)}>
                    <Tile sheets={data.quantiles.patch} index={unit * data.quantiles.at.length + i} label="patch" />
                  </Quantile>
                );
              })}
            </ul>
          </section>
        )}
        <section>
          <h2>Over all images</h2>
          <Histogram {...about.histogram} mark={example?.value} label="strongest activation in each image" />
        </section>
        {about.classes.length > 0 && (
          <section>
            <h2>Classes</h2>
            <Bars bars={about.classes.map(({ index: k, mean, count }) => ({ name: report.className(k), value: mean, note: `mean over ${count} images`, href: toLayer(layerName, `class=${k}`) }))} />
          </section>
        )}
        {data.filters.length > 0 && (
          <section class="filter"><h2>Its filter</h2><Tile sheets={data.filters} index={unit} label={`filter ${unit}`} /></section>
        )}
        {about.alike.length > 0 && (
          <section>
            <h2>Most alike</h2>
            <ul class="alike">
              {about.alike.map((other) => (
                <li key={other.unit}>
                  <a href={toUnit(layerName, other.unit)} title={`correlation ${number(other.likeness)}`}>
                    <Tile sheets={data.best.projection.length ? data.best.projection : data.best.patch} index={other.unit} />
                    <Caption of={layerName} unit={other.unit} value={number(other.likeness)} />
                  </a>
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
    </div>
  );
}

function Values({ data, unit, report }: { data: LayerData; unit: number; report: Report }) {
  const { selectivity, best_class } = data;
  return (
    <dl class="values">
      <div><dt>highest</dt><dd>{number(data.highest[unit])}</dd></div>
      <div><dt>mean</dt><dd>{number(data.mean[unit])}</dd></div>
      <div><dt>excited by</dt><dd>{percent(data.active[unit])} of images</dd></div>
      {selectivity && <div><dt>selectivity</dt><dd>{number(selectivity[unit])}</dd></div>}
      {best_class && <div><dt>class</dt><dd>{report.className(best_class[unit]!)}</dd></div>}
    </dl>
  );
}

interface NineProps {
  title: string;
  what: string;
  sheets: LayerData["best"]["patch"];
  unit: number;
  examples: Example[];
  rank: number;
  choose: (rank: number) => void;
}

function Nine({ title, what, sheets, unit, examples, rank, choose }: NineProps) {
  if (!sheets.length) return null;
  return (
    <section>
      <h2>{title}</h2>
      <div class="nine">
        {examples.map(({ value }, i) => (
          <button key={i} type="button" aria-pressed={i === rank} aria-label={`${what} ${i + 1}, activation ${number(value)}`} title={number(value)} onClick={() => choose(i)}>
            <Tile sheets={sheets} index={unit * EXAMPLES + i} />
          </button>
        ))}
      </div>
    </section>
  );
}

function Quantile({ name, value, href, children }: { name: string; value: number; href?: string; children: preact.ComponentChildren }) {
  const content = <>{children}<span class="caption"><b>{name}</b> <span>{number(value)}</span></span></>;
  return <li>{href ? <a href={href}>{content}</a> : content}</li>;
}

/** The neighbours' values and sheets, so that a key shows them at once. */
function fetchAhead(report: Report, layer: number, data: LayerData, unit: number, maps: number): void {
  for (const other of [unit + 1, unit - 1].map((next) => (next + maps) % maps)) {
    void settle(report.units(layer, other));
    for (const sheets of [data.examples.projection, data.examples.patch, data.quantiles.patch]) {
      const each = sheets === data.quantiles.patch ? data.quantiles.at.length : EXAMPLES;
      const place = placeOf(sheets, other * each);
      if (place) report.bitmaps.load(place.sheet.name).catch(() => undefined);
    }
  }
}
