/** The deconvnet live: any photo lights up the maps, and any place of a map comes down to the pixels. */

import { useEffect, useRef, useState } from "preact/hooks";
import { EXAMPLES, type Field, type Model } from "../bundle";
import { Bars, Heat } from "../charts";
import { greyCentred } from "../colour";
import { number, percent } from "../format";
import { useKeys } from "../keys";
import { useCamera } from "../live/camera";
import type { Engine, Run } from "../live/engine";
import { occlude, type Sweep } from "../live/occlusion";
import { cropOf, pixelsAt, prepare, type Pixels, type Prepared } from "../live/prepare";
import { startEngine } from "../live/start";
import { usePromise, useReport, type Report } from "../report";
import { toUnit, type Route } from "../route";
import { Tile } from "../tile";
import { fieldBox } from "./image";
import { Maps } from "./live-maps";

type Start = Extract<Route, { page: "live" }>;
type Chosen = { layer: number; unit: number; y: number; x: number };

export function LivePage({ start }: { start: Start }) {
  const report = useReport();
  const { live, live_reason } = report.model;
  const [says, tell] = useState("starting …");
  const [ready, setReady] = useState<Engine | Error | null>(null);
  useEffect(() => {
    startEngine(report, tell)?.then(setReady, (error: unknown) => setReady(error instanceof Error ? error : new Error(String(error))));
  }, []);
  if (!live && !report.source.ask) {
    return (
      <div class="page">
        <h1>Live</h1>
        <p class="notice" role="alert">{live_reason || "This report was written without the live deconvnet."} With inspectnet explore {report.model.name} the same page computes anything.</p>
      </div>
    );
  }
  if (ready instanceof Error) return <div class="page"><h1>Live</h1><p class="notice" role="alert">{ready.message}</p></div>;
  if (!ready) return <div class="page"><h1>Live</h1><p class="notice" role="status">The deconvnet in this page: {says}</p></div>;
  return <Lab engine={ready} start={start} />;
}

interface Picture {
  name: string;
  number: number | null; // of a photo of the report
  prepared: Prepared;
}

function Lab({ engine, start }: { engine: Engine; start: Start }) {
  const report = useReport();
  const { model, photos } = report;
  const named = report.layerNamed(start.layer);
  const [picture, setPicture] = useState<Picture | null>(null);
  const [run, setRun] = useState<Run | null>(null);
  const [layer, setLayer] = useState(named >= 0 ? named : topLayer(engine, model));
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [method, setMethod] = useState(engine.methods[0] ?? "deconvnet");
  const [gamma, setGamma] = useState(false);
  const [own, setOwn] = useState(false); // each map has a scale of its own
  const [patterns, setPatterns] = useState(false);
  const [labels, setLabels] = useState(true);
  const [nine, setNine] = useState(true);
  const [frozen, setFrozen] = useState(named >= 0 && start.unit !== null);
  const [zoom, setZoom] = useState(false);
  const [error, setError] = useState("");
  const kept = useRef<{ layer: number; unit: number } | null>(start.unit !== null && named >= 0 ? { layer: named, unit: start.unit } : null);
  const file = useRef<HTMLInputElement>(null);
  const camera = useCamera((pixels) => show("camera", null, pixels, cropOf(pixels.height, pixels.width, model.preprocess)), setError);

  const show = (name: string, number: number | null, pixels: Pixels, crop: readonly number[]) => {
    setError("");
    setPicture({ name, number, prepared: prepare(pixels, crop, model.preprocess) });
  };
  const open = async (index: number) => {
    const photo = photos[index];
    if (photo) show(photo.name, index, await pixelsAt(await report.photo(index)), photo.crop);
  };
  const drop = async (dropped: File | undefined) => {
    if (!dropped) return;
    const address = URL.createObjectURL(dropped);
    try {
      const pixels = await pixelsAt(address);
      show(dropped.name, null, pixels, cropOf(pixels.height, pixels.width, model.preprocess));
    } catch {
      setError(`${dropped.name} is no photo that this browser can read. Take a JPEG, PNG or WebP.`);
    } finally {
      URL.revokeObjectURL(address);
    }
  };
  const failed = (error: unknown) => setError(error instanceof Error ? error.message : String(error));
  useEffect(() => void open(/^\d+$/.test(start.photo) ? Number(start.photo) : 0).catch(failed), [start.photo]);
  useEffect(() => {
    if (!picture) return;
    let here = true;
    engine.run(picture.prepared.values).then((run) => here && setRun(run), failed);
    return () => void (here = false);
  }, [picture]);
  const told = run?.layers.find((row) => row.layer === layer);
  useEffect(() => {
    if (!told) return;
    const same = kept.current?.layer === layer && (frozen || !picture) ? kept.current.unit : null;
    const unit = same ?? told.values.indexOf(Math.max(...told.values));
    setChosen({ layer, unit, y: told.ys[unit]!, x: told.xs[unit]! });
  }, [run, layer]);
  useEffect(() => {
    if (chosen) kept.current = { layer: chosen.layer, unit: chosen.unit };
  }, [chosen]);

  const turnPhoto = (by: number) => () => void open((((picture?.number ?? 0) + by) % photos.length + photos.length) % photos.length).catch(failed);
  const turnLayer = (by: number) => () => {
    const layers = run?.layers.map((row) => row.layer) ?? [];
    const next = layers[layers.indexOf(layer) + by];
    if (next !== undefined) setLayer(next);
  };
  const turnMethod = () => setMethod(engine.methods[(engine.methods.indexOf(method) + 1) % engine.methods.length]!);
  useKeys([
    { keys: ["e"], does: "the next photo", run: turnPhoto(1) },
    { keys: ["w"], does: "the photo before", run: turnPhoto(-1) },
    { keys: ["a"], does: "a photo of yours", run: () => file.current?.click() },
    { keys: ["c"], does: "camera on, off", run: camera.turn },
    { keys: ["f"], does: "freeze what the camera sees", run: camera.freeze },
    { keys: ["o", "]"], does: "the next layer", run: turnLayer(1) },
    { keys: ["u", "["], does: "the layer before", run: turnLayer(-1) },
    { keys: ["b"], does: "deconvnet, guided backpropagation, gradient", run: turnMethod },
    { keys: ["d"], does: "keep the unit while photos change", run: () => setFrozen(!frozen) },
    { keys: ["s"], does: "what the units prefer, over their maps", run: () => setPatterns(!patterns) },
    { keys: ["z"], does: "larger or smaller", run: () => setZoom(!zoom) },
    { keys: ["t"], does: "lift what is faint", run: () => setGamma(!gamma) },
    { keys: ["T"], does: "a scale for each map, or one for the layer", run: () => setOwn(!own) },
    { keys: ["8"], does: "what the network says, shown or hidden", run: () => setLabels(!labels) },
    { keys: ["9"], does: "the unit's nine strongest, shown or hidden", run: () => setNine(!nine) },
  ]);

  const place = (y: number, x: number) => {
    // the strongest unit at the place of this layer whose field's middle is nearest to that pixel
    const { maps, height, width, field } = model.layers[layer]!;
    void run?.maps(layer).then((values) => {
      const [row, column] = field ? [nearest(field, "y", y, height), nearest(field, "x", x, width)] : [0, 0];
      let best = 0;
      const at = (unit: number) => values[(unit * height + row) * width + column]!;
      for (let unit = 1; unit < maps; unit++) if (at(unit) > at(best)) best = unit;
      setChosen({ layer, unit: best, y: row, x: column });
    }, failed);
  };
  const about = model.layers[layer]!;
  return (
    <div
      class="page live"
      data-zoomed={zoom || undefined}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => (event.preventDefault(), void drop(event.dataTransfer?.files[0]))}
    >
      <div class="bar-of-tools">
        <h1>Live</h1>
        <span class="turn">
          <button type="button" onClick={turnPhoto(-1)} aria-label="The photo before">←</button>
          <button type="button" onClick={turnPhoto(1)} aria-label="The next photo">→</button>
          <label class="button">Your photo<input ref={file} class="hidden" type="file" accept="image/*" onChange={(event) => void drop(event.currentTarget.files?.[0])} /></label>
          <button type="button" aria-pressed={camera.on} onClick={camera.turn}>Camera</button>
        </span>
        <label>Layer <select value={layer} onChange={(event) => setLayer(Number(event.currentTarget.value))}>{run?.layers.map((row) => <option key={row.layer} value={row.layer}>{model.layers[row.layer]!.name}</option>)}</select></label>
        <label>Way down <select value={method} onChange={(event) => setMethod(event.currentTarget.value)}>{engine.methods.map((name) => <option key={name} value={name}>{name}</option>)}</select></label>
        <button type="button" aria-pressed={frozen} onClick={() => setFrozen(!frozen)}>Keep unit</button>
        <span class="quiet trust" title={engine.says}>✓ {engine.says}</span>
      </div>
      {error && <p class="notice" role="alert">{error}</p>}
      <div class="columns lab">
        <section class="stays">
          {!picture && <p class="notice">Drop a photo here, or press a to choose one.</p>}
          {picture && <Seen picture={picture} chosen={chosen} place={place} />}
          {picture && run && chosen && <Projection run={run} chosen={chosen} method={method} gamma={gamma} engine={engine} report={report} />}
          {labels && run?.probabilities && <Predictions run={run} report={report} />}
          {picture && run?.probabilities && engine.probabilities && <Hiding key={picture.name} engine={engine} picture={picture} run={run} report={report} />}
        </section>
        <section class="maps">
          {chosen && nine && about.scanned && <NineOf layer={layer} unit={chosen.unit} />}
          {run && told && (
            <Maps key={layer} run={run} layer={layer} own={own} gamma={gamma} size={zoom ? 104 : 60} patterns={patterns} chosen={chosen?.layer === layer ? chosen.unit : -1} choose={(unit, y, x) => setChosen({ layer, unit, y: y ?? told.ys[unit]!, x: x ?? told.xs[unit]! })} />
          )}
        </section>
      </div>
    </div>
  );
}

/** The highest layer with maps that come down, one that was scanned if there is any. */
function topLayer({ layers }: Engine, model: Model): number {
  const spread = layers.filter((index) => model.layers[index]!.field);
  return spread.filter((index) => model.layers[index]!.scanned).at(-1) ?? spread.at(-1) ?? layers[0] ?? 0;
}

function nearest(field: Field, axis: "y" | "x", pixel: number, places: number): number {
  const [first, extent] = axis === "y" ? [field.top, field.height] : [field.left, field.width];
  return Math.max(0, Math.min(places - 1, Math.round((pixel - first - extent / 2) / field.stride)));
}

/** What the network sees of the photo, with the field of the chosen unit. */
function Seen({ picture, chosen, place }: { picture: Picture; chosen: Chosen | null; place: (y: number, x: number) => void }) {
  const { layers, input } = useReport().model;
  const { shown } = picture.prepared;
  const box = chosen && fieldBox(layers[chosen.layer]!.field, chosen, input);
  const click = (event: MouseEvent) => {
    const frame = (event.currentTarget as Element).getBoundingClientRect();
    place(((event.clientY - frame.top) / frame.height) * shown.height, ((event.clientX - frame.left) / frame.width) * shown.width);
  };
  return (
    <figure class="seen">
      <div class="framed" data-clickable onClick={click} style={{ aspectRatio: `${shown.width} / ${shown.height}` }}>
        <Painted pixels={shown} label={`${picture.name}, as the network sees it`} />
        <svg viewBox={`0 0 ${shown.width} ${shown.height}`} aria-hidden="true">{box && <path class="box" d={`M${box[0]} ${box[1]}H${box[2]}V${box[3]}H${box[0]}Z`} />}</svg>
      </div>
      <figcaption class="quiet">{picture.name}; choose a place</figcaption>
    </figure>
  );
}

function Painted({ pixels, label }: { pixels: Pixels; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    canvas.current?.getContext("2d")?.putImageData(new ImageData(new Uint8ClampedArray(pixels.data), pixels.width, pixels.height), 0, 0);
  }, [pixels]);
  return <canvas ref={canvas} width={pixels.width} height={pixels.height} role="img" aria-label={label} />;
}

function Projection({ run, chosen, method, gamma, engine, report }: { run: Run; chosen: Chosen; method: string; gamma: boolean; engine: Engine; report: Report }) {
  const { input, layers } = report.model;
  const [signal, setSignal] = useState<{ pixels: Float32Array; ms: number } | Error | null>(null);
  const { name } = layers[chosen.layer]!;
  const { layer, unit, y, x } = chosen;
  useEffect(() => {
    let here = true;
    const begun = performance.now();
    const go = async () => {
      const { height, width } = layers[layer]!;
      const value = (await run.maps(layer))[(unit * height + y) * width + x]!;
      const pixels = await run.project({ layer, unit, y, x, value, method });
      if (here) setSignal({ pixels, ms: performance.now() - begun });
    };
    if (engine.layers.includes(layer)) go().catch((error: unknown) => here && setSignal(error instanceof Error ? error : new Error(String(error))));
    else setSignal(new Error(`${name} has no way down in this report.`));
    return () => void (here = false);
  }, [run, layer, unit, y, x, method]);
  if (signal instanceof Error) return <p class="notice" role="alert">{signal.message}</p>;
  const value = run.layers.find((row) => row.layer === layer)?.values[unit];
  const blank = signal && signal.pixels.every((pixel) => pixel === 0);
  return (
    <figure class="projection" aria-live="polite">
      {signal && <Painted pixels={{ data: greyCentred(signal.pixels, input.height, input.width, { gamma: gamma ? 0.5 : 1 }), width: input.width, height: input.height }} label={`Projection of ${name}:${unit} by ${method}`} />}
      <figcaption class="quiet" data-projected={`${name}:${unit}@${y},${x} ${method}`}>
        <a href={toUnit(name, unit)}>{name}:{unit}</a> at row {y}, column {x}; strongest here {number(value)}{signal && `; ${number(signal.ms)} ms`}{blank && "; nothing comes down"}
      </figcaption>
    </figure>
  );
}

function Predictions({ run, report }: { run: Run; report: Report }) {
  const first = run.probabilities!.map((probability, index) => ({ probability, index })).sort((a, b) => b.probability - a.probability).slice(0, 5);
  return <Bars bars={first.map(({ probability, index }) => ({ name: report.className(index), value: probability }))} most={1} show={percent} />;
}

function Hiding({ engine, picture, run, report }: { engine: Engine; picture: Picture; run: Run; report: Report }) {
  const { input, preprocess } = report.model;
  const [sweep, setSweep] = useState<Sweep | null>(null);
  const here = useRef(true);
  useEffect(() => () => void (here.current = false), []);
  const target = run.probabilities!.indexOf(Math.max(...run.probabilities!));
  const start = async () => {
    const grey = preprocess.mean.map((mean, c) => (128 / 255 - mean) / preprocess.std[c]!);
    for await (const sweep of occlude(picture.prepared.values, { ...input, grey }, async (image) => (await engine.probabilities!(image))[target]!)) {
      if (!here.current) return;
      setSweep(sweep);
    }
  };
  const name = report.className(target);
  return (
    <div class="hiding">
      {!sweep && <button type="button" onClick={() => void start()}>Hide each place</button>}
      {sweep && <Heat rows={sweep.rows} label={`probability of ${name} with the place hidden${sweep.done < sweep.total ? `, ${sweep.done} of ${sweep.total}` : ""}`} />}
    </div>
  );
}

function NineOf({ layer, unit }: { layer: number; unit: number }) {
  const report = useReport();
  const data = usePromise(report.layer(layer));
  if (!data) return null;
  return (
    <div class="nine-of" aria-label={`What excites unit ${unit} most`} role="group">
      {[data.examples.patch, data.examples.projection].map((sheets) => sheets.length > 0 && data.photos.slice(unit * EXAMPLES, (unit + 1) * EXAMPLES).map((photo, rank) => (
        photo >= 0 && <Tile sheets={sheets} index={unit * EXAMPLES + rank} />
      )))}
    </div>
  );
}
