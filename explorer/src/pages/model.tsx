/** What the network is: its facts and its layers, one after the other. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Layer, Model } from "../bundle";
import { FieldToScale } from "../field";
import { bytes, count, number, percent } from "../format";
import { useKeys } from "../keys";
import { usePromise, useReport } from "../report";
import { go, toImage, toLayer, toUnit } from "../route";
import { Tile } from "../tile";

const STRIP = 24; // units of a layer in its row

export function ModelPage() {
  const { model } = useReport();
  const parameters = model.layers.reduce((sum, layer) => sum + layer.parameters, 0);
  const most = Math.max(1, ...model.layers.map((layer) => layer.parameters));
  const scanned = model.layers.filter((layer) => layer.scanned);
  const random = () => {
    const layer = scanned[Math.floor(Math.random() * scanned.length)];
    if (layer) go(toUnit(layer.name, Math.floor(Math.random() * layer.maps)));
  };
  useKeys([
    { keys: ["r"], does: "any unit", run: random },
    { keys: ["o"], does: "the first layer", run: () => scanned[0] && go(toLayer(scanned[0].name)) },
    { keys: ["e"], does: "the first photo", run: () => go(toImage(0)) },
  ]);
  return (
    <div class="page">
      <h1>{model.name}</h1>
      {scanned.length === 0 && <p class="lead">{count(model.layers.length, "layer")}. Maps come once images have been looked at; photos of yours go through <a href="#/live">live</a> at once.</p>}
      {scanned.length > 0 && <p class="lead">
        {count(scanned.reduce((sum, layer) => sum + layer.maps, 0), "map")} in {count(scanned.length, "layer")}, looked at with{" "}
        {count(model.images.count, "image")}. Choose a layer to see what its maps answer to, or{" "}
        <button type="button" class="link" onClick={random}>any unit</button>.
      </p>}
      <Facts model={model} parameters={parameters} />
      <h2>Layers</h2>
      <ol class="pipeline">
        <li class="input">
          <span class="name">{model.input.name}</span>
          <span class="quiet">{shape(model.input.channels, model.input.height, model.input.width)}</span>
        </li>
        {model.layers.map((layer, index) => (
          <Row key={index} layer={layer} index={index} most={most} />
        ))}
      </ol>
    </div>
  );
}

const shape = (maps: number, height: number, width: number) => (height * width === 1 ? `${maps}` : `${maps} × ${height} × ${width}`);

function Facts({ model, parameters }: { model: Model; parameters: number }) {
  const { preprocess, images, accuracy, classes } = model;
  const facts: [string, string, string?][] = [
    ["input", shape(model.input.channels, model.input.height, model.input.width)],
    ["parameters", `${number(parameters)} (${bytes(parameters * 4)})`],
    ["classes", classes ? number(classes.length) : "without names"],
    ["accuracy", accuracy ? `${percent(accuracy.top1)} top-1${accuracy.top5 === null ? "" : `, ${percent(accuracy.top5)} top-5`} of ${count(accuracy.n, "image")}` : "not measured"],
    ["images", `${count(images.count, "image")} of ${images.source}${images.skipped ? `, ${number(images.skipped)} skipped` : ""}`],
    ["preprocessing", `${preprocess.crop_mode} crop ${number(preprocess.crop_pct)}, ${preprocess.interpolation}, ${preprocess.channel_order}; mean ${preprocess.mean.map(number).join(" ")}; std ${preprocess.std.map(number).join(" ")}`],
    ["projections", model.method],
    ["opset", String(model.opset)],
    ["sha256", `${model.sha256.slice(0, 16)}…`, model.sha256],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value, whole]) => <div key={name} class={value.length > 40 ? "wide" : ""}><dt>{name}</dt><dd title={whole}>{value}</dd></div>)}
    </dl>
  );
}

function Row({ layer, index, most }: { layer: Layer; index: number; most: number }) {
  const { input } = useReport().model;
  const { name, path, ops, maps, height, width, parameters, field, scanned, dead, duplicates } = layer;
  return (
    <li>
      <div class="about">
        <FieldToScale input={input} field={field} />
        <div>
          {scanned ? <a class="name" href={toLayer(name)}>{name}</a> : <span class="name">{name}</span>}
          <span class="quiet" title={path}> {ops.join(" ")}</span>
          <div class="quiet">{shape(maps, height, width)}</div>
        </div>
      </div>
      <div class="numbers quiet">
        <div>{field ? `sees ${field.height === field.width ? field.height : `${field.height} × ${field.width}`} px, one place every ${number(field.stride)}` : "sees all of the input"}</div>
        {parameters > 0 && (
          <div><span class="bar" style={{ "--share": Math.sqrt(parameters / most) }} /> {count(parameters, "parameter")}</div>
        )}
        {scanned && <Health maps={maps} dead={dead} duplicates={duplicates} />}
      </div>
      {scanned && <Strip layer={layer} index={index} />}
    </li>
  );
}

function Health({ maps, dead, duplicates }: { maps: number; dead: number; duplicates: number | null }) {
  if (!dead && !duplicates) return <div>{duplicates === null ? "none dead" : "none dead or duplicate"}</div>;
  return (
    <div>
      <span class="health" aria-hidden="true"><span class="dead" style={{ width: `${(dead / maps) * 100}%` }} /><span class="duplicate" style={{ width: `${((duplicates ?? 0) / maps) * 100}%` }} /></span>{" "}
      <span class={dead ? "warn" : ""}>{dead} dead</span>{duplicates !== null && `, ${duplicates} duplicate`}
    </div>
  );
}

/** The strongest projections of the first units, once the row comes on screen. */
function Strip({ layer, index }: { layer: Layer; index: number }) {
  const report = useReport();
  const strip = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState(false);
  const data = usePromise(near ? report.layer(index) : null);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && setNear(true), { rootMargin: "200px" });
    observer.observe(strip.current!);
    return () => observer.disconnect();
  }, []);
  const sheets = data?.best.projection.length ? data.best.projection : data?.best.patch;
  return (
    <div class="strip" ref={strip}>
      {sheets && Array.from({ length: Math.min(STRIP, layer.maps) }, (_, unit) => (
        <a key={unit} href={toUnit(layer.name, unit)} tabIndex={-1} aria-hidden="true"><Tile sheets={sheets} index={unit} /></a>
      ))}
    </div>
  );
}
