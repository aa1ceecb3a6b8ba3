/** The engine of this page: one, started when it is first needed. */

import type { Report } from "../report";
import { serverEngine, type Engine } from "./engine";
import { startInPage } from "./wasm";

let started: Promise<Engine> | null = null;

/** Null where the report has no live part and no server stands behind it. */
export function startEngine({ source, model }: Report, tell: (what: string) => void = () => undefined): Promise<Engine> | null {
  if (source.ask) started ??= Promise.resolve(serverEngine(source.ask, model));
  else if (model.live) started ??= startInPage(source, model, model.live, tell);
  return started;
}
