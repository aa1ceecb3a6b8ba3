/** The maps of a layer that a photo lights up. */

import { useEffect, useRef, useState } from "preact/hooks";
import { Caption } from "../caption";
import { number } from "../format";
import { Grid } from "../grid";
import type { Run } from "../live/engine";
import { usePromise, useReport } from "../report";
import { Tile } from "../tile";

interface MapsProps {
  run: Run;
  layer: number;
  own: boolean;
  gamma: boolean;
  size: number;
  patterns: boolean;
  chosen: number;
  choose: (unit: number, y?: number, x?: number) => void;
}

/** All maps of a layer, as bright as they are active. */
export function Maps({ run, layer, own, gamma, size, patterns, chosen, choose }: MapsProps) {
  const report = useReport();
  const about = report.model.layers[layer]!;
  const [values, setValues] = useState<{ run: Run; maps: Float32Array } | null>(null);
  const data = usePromise(patterns && about.scanned ? report.layer(layer) : null);
  useEffect(() => {
    let here = true;
    run.maps(layer).then((maps) => here && setValues({ run, maps }), () => undefined);
    return () => void (here = false);
  }, [run, layer]);
  const serial = useRef({ run, count: 0 });
  if (values && serial.current.run !== values.run) serial.current = { run: values.run, count: serial.current.count + 1 };
  if (!values) return null;
  const told = values.run.layers.find((row) => row.layer === layer)!;
  const most = Math.max(...told.values, 1e-12);
  return (
    <Grid
      label={`Maps of ${about.name}`}
      count={about.maps}
      width={size + 6}
      height={size + 24}
      version={`${serial.current.count} ${own} ${gamma} ${size} ${patterns} ${Boolean(data)} ${chosen}`}
      cell={(unit) => (
        <button type="button" class="map lit" style={{ "--size": `${size}px` }} aria-pressed={unit === chosen} onClick={(event) => choose(unit, ...placeOn(event, about))}>
          {data ? <Tile sheets={data.best.patch} index={unit} /> : (
            <Lit values={values.maps.subarray(unit * about.height * about.width, (unit + 1) * about.height * about.width)} height={about.height} width={about.width} most={own ? told.values[unit]! : most} gamma={gamma} />
          )}
          <Caption of={about.name} unit={unit} value={number(told.values[unit])} />
        </button>
      )}
    />
  );
}

/** The place of a map that was clicked; nothing for the keyboard, which takes the strongest. */
function placeOn(event: MouseEvent, { height, width }: { height: number; width: number }): [number, number] | [] {
  const canvas = (event.currentTarget as Element).querySelector("canvas.lit");
  const frame = canvas?.getBoundingClientRect();
  if (!frame || event.detail === 0 || event.clientY > frame.bottom) return [];
  const part = (share: number, n: number) => Math.max(0, Math.min(n - 1, Math.floor(share * n)));
  return [part((event.clientY - frame.top) / frame.height, height), part((event.clientX - frame.left) / frame.width, width)];
}

function Lit({ values, height, width, most, gamma }: { values: Float32Array; height: number; width: number; most: number; gamma: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current!.getContext("2d")!;
    const image = context.createImageData(width, height);
    values.forEach((value, i) => {
      const level = Math.max(0, Math.min(1, most > 0 ? value / most : 0)) ** (gamma ? 0.5 : 1) * 255;
      image.data.set([level, level, level, 255], i * 4);
    });
    context.putImageData(image, 0, 0);
  }, [values, most, gamma]);
  return <canvas class="lit" ref={canvas} width={width} height={height} aria-hidden="true" />;
}
