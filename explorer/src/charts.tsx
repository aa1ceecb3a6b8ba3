/** Charts as SVG, each with its numbers in words for those who do not see it. */

import { useEffect, useRef, useState } from "preact/hooks";
import { rgb } from "./colour";
import { number } from "./format";

/** A histogram: a bar from each edge to the next. */
export function Histogram({ edges, counts, mark, label }: { edges: number[]; counts: number[]; mark?: number; label: string }) {
  const most = Math.max(1, ...counts);
  const low = edges[0] ?? 0;
  const span = (edges.at(-1) ?? 1) - low || 1;
  const at = (value: number) => ((value - low) / span) * 100;
  return (
    <figure class="histogram">
      <svg viewBox="0 0 100 40" preserveAspectRatio="none" role="img" aria-label={`${label}: ${counts.map((n, i) => `${number(edges[i])} to ${number(edges[i + 1])}, ${n}`).join("; ")}`}>
        {counts.map((n, i) => (
          // the square root shows the few strong images beside the many weak ones
          <rect key={i} x={at(edges[i]!) + 0.15} width={Math.max(0.2, at(edges[i + 1]!) - at(edges[i]!) - 0.3)} y={40 - Math.sqrt(n / most) * 40} height={Math.sqrt(n / most) * 40}>
            <title>{`${number(edges[i])} to ${number(edges[i + 1])}: ${n}`}</title>
          </rect>
        ))}
        {mark !== undefined && <line class="mark" x1={at(mark)} x2={at(mark)} y1="0" y2="40" />}
      </svg>
      <figcaption><span>{number(low)}</span><span class="quiet">{label}; height is the square root</span><span>{number(edges.at(-1))}</span></figcaption>
    </figure>
  );
}

export interface Bar {
  name: string;
  value: number;
  note?: string;
  href?: string;
}

/** Bars with their names and numbers beside them; `most` is the value of a whole bar. */
export function Bars({ bars, most = Math.max(0, ...bars.map((bar) => Math.abs(bar.value))) || 1, show = number }: { bars: Bar[]; most?: number; show?: (value: number) => string }) {
  return (
    <ul class="bars">
      {bars.map(({ name, value, note, href }, i) => (
        <li key={i} title={note}>
          {href ? <a href={href}>{name}</a> : <span>{name}</span>}
          <span class="bar" style={{ "--share": Math.min(1, Math.abs(value) / most) }} />
          <span class="value">{show(value)}</span>
        </li>
      ))}
    </ul>
  );
}

export interface Line {
  name: string;
  ys: (number | null)[];
}

const SIZE = { width: 640, height: 260, left: 52, right: 12, top: 10, bottom: 30 };

/** Lines over common xs; the pointer, or the arrows once it has the focus, reads numbers off it. */
export function Lines({ xs, lines, x, y, label }: { xs: number[]; lines: Line[]; x: string; y: string; label: string }) {
  const [at, setAt] = useState<number | null>(null);
  const values = lines.flatMap((line) => line.ys).filter((value) => value !== null);
  const low = Math.min(0, ...values), high = Math.max(...values, low + 1e-9);
  const x0 = Math.min(...xs), x1 = Math.max(...xs, x0 + 1e-9);
  const px = (value: number) => SIZE.left + ((value - x0) / (x1 - x0)) * (SIZE.width - SIZE.left - SIZE.right);
  const py = (value: number) => SIZE.height - SIZE.bottom - ((value - low) / (high - low)) * (SIZE.height - SIZE.top - SIZE.bottom);
  const path = (ys: (number | null)[]) =>
    ys.map((value, i) => (value === null ? "" : `${i && ys[i - 1] !== null ? "L" : "M"}${px(xs[i]!).toFixed(1)} ${py(value).toFixed(1)}`)).join("");
  const move = (event: PointerEvent) => {
    const frame = (event.currentTarget as Element).getBoundingClientRect();
    const value = ((event.clientX - frame.left) / frame.width) * SIZE.width;
    setAt(xs.reduce((best, candidate, i) => (Math.abs(px(candidate) - value) < Math.abs(px(xs[best]!) - value) ? i : best), 0));
  };
  return (
    <figure class="lines">
      <svg viewBox={`0 0 ${SIZE.width} ${SIZE.height}`} role="img" aria-label={`${label}. ${y} over ${x}, ${number(x0)} to ${number(x1)}: ${lines.map((line) => `${line.name} from ${number(line.ys[0])} to ${number(line.ys.at(-1))}`).join("; ")}`} onPointerMove={move} onPointerLeave={() => setAt(null)}>
        {ticks(low, high).map((value) => {
          return <g key={value}><line class="rule" x1={SIZE.left} x2={SIZE.width - SIZE.right} y1={py(value)} y2={py(value)} /><text x={SIZE.left - 6} y={py(value) + 4} text-anchor="end">{number(value)}</text></g>;
        })}
        {ticks(x0, x1).map((value) => <text key={value} x={px(value)} y={SIZE.height - 10} text-anchor="middle">{number(value)}</text>)}
        {lines.map((line, i) => (
          <g key={i} class={`hue-${i % 8}`}>
            <path class="line" d={path(line.ys)} />
            {xs.length <= 12 && line.ys.map((value, j) => value !== null && <circle key={j} cx={px(xs[j]!)} cy={py(value)} r="2.5" />)}
          </g>
        ))}
        {at !== null && <line class="mark" x1={px(xs[at]!)} x2={px(xs[at]!)} y1={SIZE.top} y2={SIZE.height - SIZE.bottom} />}
      </svg>
      <figcaption>
        <span class="quiet">{y} over {x}{at !== null && `, at ${number(xs[at])}`}</span>
        <ul class="legend">
          {lines.map((line, i) => <li key={i} class={`hue-${i % 8}`}>{line.name}{at !== null && ` ${number(line.ys[at])}`}</li>)}
        </ul>
      </figcaption>
    </figure>
  );
}

/** Three to seven round numbers from low to high. */
export function ticks(low: number, high: number): number[] {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= rough * 0.999)!;
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** A map of numbers in colours, whose numbers the pointer reads. */
export function Heat({ rows, label, low, high, pick }: { rows: (number | null)[][]; label: string; low?: number; high?: number; pick?: (y: number, x: number) => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [at, setAt] = useState<[number, number] | null>(null);
  const values = rows.flat().filter((value) => value !== null);
  const least = low ?? Math.min(...values), most = high ?? Math.max(...values);
  const height = rows.length, width = rows[0]?.length ?? 0;
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context || !width) return;
    const image = context.createImageData(width, height);
    rows.flat().forEach((value, i) => image.data.set(value === null ? [0, 0, 0, 0] : [...rgb(most > least ? (value - least) / (most - least) : 0), 255], i * 4));
    context.putImageData(image, 0, 0);
  }, [rows]);
  const place = (event: MouseEvent): [number, number] => {
    const frame = (event.currentTarget as Element).getBoundingClientRect();
    const part = (share: number, n: number) => Math.max(0, Math.min(n - 1, Math.floor(share * n)));
    return [part((event.clientY - frame.top) / frame.height, height), part((event.clientX - frame.left) / frame.width, width)];
  };
  return (
    <figure class="heat">
      <canvas ref={canvas} width={width} height={height} style={{ aspectRatio: `${width} / ${height}` }} role="img" aria-label={`${label}, from ${number(least)} to ${number(most)}`} onPointerMove={(event) => setAt(place(event))} onPointerLeave={() => setAt(null)} onClick={(event) => pick?.(...place(event))} />
      <figcaption>
        <span>{label}</span> <span class="quiet">{at ? `row ${at[0]}, column ${at[1]}: ${number(rows[at[0]]?.[at[1]])}` : `${number(least)} to ${number(most)}`}</span>
      </figcaption>
    </figure>
  );
}

const NUMERAL = /^[-−]?[\d.,]+( %)?$/;

/** A table of a result; numbers stand to the right. */
export function Table({ title, columns, rows }: { title: string; columns: string[]; rows: (string | number | null)[][] }) {
  return (
    <div class="table" tabIndex={0} role="region" aria-label={title || columns.join(", ")}>
      <table>
        {title && <caption>{title}</caption>}
        <thead><tr>{columns.map((column, i) => <th key={i} scope="col">{column}</th>)}</tr></thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i}>{row.map((value, j) => <td key={j} class={typeof value === "number" || NUMERAL.test(value ?? "") ? "number" : ""}>{typeof value === "number" ? number(value) : value}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
