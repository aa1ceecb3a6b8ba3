/** The opened report, as all pages read it. */

import { createContext } from "preact";
import { useContext, useEffect, useReducer } from "preact/hooks";
import { SCHEMA, UNITS_A_CHUNK, type ImageData, type LayerData, type Model, type Outcome, type Photo, type UnitData } from "./bundle";
import { Bitmaps } from "./bitmaps";
import type { Source } from "./source";

export class Report {
  readonly bitmaps: Bitmaps;

  private constructor(
    readonly source: Source,
    readonly model: Model,
    readonly photos: Photo[],
  ) {
    this.bitmaps = new Bitmaps((name) => source.sheet(name));
  }

  static async open(source: Source): Promise<Report> {
    const model = await source.get<Model>("model");
    if (model.schema !== SCHEMA) throw new WrongSchema(model);
    return new Report(source, model, await source.get<Photo[]>("photos"));
  }

  layer = (index: number) => this.source.get<LayerData>(`layers/${index}`);
  photo = (index: number) => this.source.get<string>(`photos/${index}`);
  image = (index: number) => this.source.get<ImageData>(`images/${index}`);
  outcome = (index: number) => this.source.get<Outcome>(`results/${index}`);
  units = (layer: number, unit: number) =>
    this.source.get<UnitData[]>(`layers/${layer}/units/${Math.floor(unit / UNITS_A_CHUNK)}`);

  /** The class of that number, by its name where there is one. */
  className(index: number): string {
    return this.model.classes?.[index] ?? `class ${index}`;
  }

  /** Why a layer has no page, and what to do. */
  whyNot(name: string): string {
    if (this.layerNamed(name) < 0) return `There is no layer ${name}. Choose one above.`;
    if (this.source.ask) return `${name} has no page until images have been looked at. Photos of yours go through Live at once.`;
    return `${name} is not in this report. Write it with inspectnet report --layer ${name}.`;
  }

  layerNamed(name: string): number {
    return this.model.layers.findIndex((layer) => layer.name === name);
  }
}

export class WrongSchema extends Error {
  constructor(model: Partial<Model>) {
    const age = (model.schema ?? 0) > SCHEMA ? "newer" : "older";
    super(
      `This report does not open here: its values follow schema ${model.schema ?? "unknown"}, written by a${age === "older" ? "n" : ""} ${age} ` +
        `inspectnet (${model.inspectnet ?? "unknown version"}), and this page reads schema ${SCHEMA}. ` +
        `Write it again: inspectnet report.`,
    );
  }
}

export const ReportContext = createContext<Report>(null as unknown as Report);
export const useReport = () => useContext(ReportContext);

type Settled = { value?: unknown; error?: Error };
const settled = new WeakMap<Promise<unknown>, Settled>();

/** Notes what becomes of a promise, so that a page that shows it later has it at once. */
export function settle(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => settled.set(promise, { value }),
    (error: unknown) => settled.set(promise, { error: error instanceof Error ? error : new Error(String(error)) }),
  );
}

/** The value of a promise that is kept somewhere; undefined until it is there. Throws what it rejects with. */
export function usePromise<T>(promise: Promise<T> | null): T | undefined {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const known = promise ? settled.get(promise) : undefined;
  useEffect(() => {
    if (!promise || settled.has(promise)) return;
    let here = true;
    void settle(promise).then(() => here && redraw(0));
    return () => void (here = false);
  }, [promise]);
  if (known?.error) throw known.error;
  return known?.value as T | undefined;
}
