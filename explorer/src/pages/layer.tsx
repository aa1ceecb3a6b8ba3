/** All maps of a layer in a grid: what excites each most, sorted and filtered. */

import { Caption } from "../caption";
import { Grid } from "../grid";
import { count, number, percent } from "../format";
import { useKeys } from "../keys";
import { SHOWS, SORTS, select, type Show, type Sort } from "../order";
import { usePromise, useReport } from "../report";
import { go, replace, toLayer, toUnit } from "../route";
import { Tile } from "../tile";

const SIZES = [72, 104, 152];

export function LayerPage({ name, query }: { name: string; query: URLSearchParams }) {
  const report = useReport();
  const index = report.layerNamed(name);
  const layer = report.model.layers[index];
  const data = usePromise(layer?.scanned ? report.layer(index) : null);
  const sort = (query.get("sort") ?? "number") as Sort;
  const show = (query.get("show") ?? "projection") as Show;
  const size = SIZES[Number(query.get("size") ?? 1)] ?? SIZES[1]!;
  const chosenClass = query.has("class") ? Number(query.get("class")) : null;
  const photo = query.has("photo") ? Number(query.get("photo")) : null;
  const set = (key: string, value: string) => {
    const next = new URLSearchParams(query);
    if (value) next.set(key, value);
    else next.delete(key);
    replace(toLayer(name, String(next)));
  };
  const near = (by: number) => {
    const scanned = report.model.layers.filter((other) => other.scanned);
    const next = scanned[scanned.findIndex((other) => other.name === name) + by];
    if (next) go(toLayer(next.name));
  };
  const turn = (key: string, values: readonly string[], now: string) => () => set(key, values[(values.indexOf(now) + 1) % values.length]!);
  const sorts = SORTS.filter(({ labels }) => !labels || data?.selectivity);
  useKeys([
    { keys: ["s", "b"], does: "projections, patches or both", run: turn("show", SHOWS, show) },
    { keys: ["x"], does: "sort by something else", run: turn("sort", sorts.map(({ sort }) => sort), sort) },
    { keys: ["z"], does: "larger or smaller", run: () => set("size", String((SIZES.indexOf(size) + 1) % SIZES.length)) },
    { keys: ["o", "]"], does: "the next layer", run: () => near(1) },
    { keys: ["u", "["], does: "the layer before", run: () => near(-1) },
    { keys: ["r"], does: "any unit", run: () => layer && go(toUnit(name, Math.floor(Math.random() * layer.maps))) },
  ]);
  if (!layer?.scanned) return <p class="notice" role="alert">{report.whyNot(name)}</p>;
  if (!data) return <p class="notice" role="status">Reading {name} …</p>;
  const units = select(data, sort, chosenClass, photo);
  const { patch, projection } = data.best;
  const classes = [...new Set(data.best_class ?? [])].sort((a, b) => report.className(a).localeCompare(report.className(b)));
  const sheets = show === "both" ? [projection, patch] : [show === "patch" || !projection.length ? patch : projection];
  return (
    <div class="page fill">
      <div class="bar-of-tools">
        <h1>{name}</h1>
        <label>Sort <select value={sort} onChange={(event) => set("sort", event.currentTarget.value)}>{sorts.map(({ sort, says }) => <option key={sort} value={sort}>{says}</option>)}</select></label>
        <label>Show <select value={show} onChange={(event) => set("show", event.currentTarget.value)}>{SHOWS.map((show) => <option key={show} value={show}>{show}</option>)}</select></label>
        {classes.length > 0 && (
          <label>Class <select value={chosenClass ?? ""} onChange={(event) => set("class", event.currentTarget.value)}><option value="">all</option>{classes.map((k) => <option key={k} value={k}>{report.className(k)}</option>)}</select></label>
        )}
        {photo !== null && <span class="chip">with {report.photos[photo]?.name} <button type="button" aria-label="All photos" onClick={() => set("photo", "")}>×</button></span>}
        <span class="quiet" role="status">{units.length === layer.maps ? count(layer.maps, "map") : `${units.length} of ${count(layer.maps, "map")}`}{layer.dead > 0 && `, ${layer.dead} dead`}</span>
      </div>
      {units.length === 0 && <p class="notice">No map of {name} is left. Choose another class or photo.</p>}
      <Grid
        key={`${sort} ${chosenClass} ${photo}`}
        label={`Maps of ${name}`}
        count={units.length}
        width={(show === "both" ? size * 2 + 2 : size) + 8}
        height={size + 30}
        version={`${sort} ${show} ${chosenClass} ${photo} ${size}`}
        cell={(at) => {
          const unit = units[at]!;
          const [first] = SORTS.filter((row) => row.sort === sort);
          const value = first?.of ? first.of(data, unit) : data.highest[unit];
          const dead = data.highest[unit]! <= 0;
          return (
            <a class={`map${dead ? " dead" : ""}`} style={{ "--size": `${show === "both" ? size * 2 + 2 : size}px` }} href={toUnit(name, unit)}>
              <span class="tiles" style={{ height: size }}>{sheets.map((list, i) => <Tile key={i} sheets={list} index={unit} />)}</span>
              <Caption of={name} unit={unit} value={dead ? "dead" : first?.share ? percent(value) : number(value)} />
            </a>
          );
        }}
      />
    </div>
  );
}
