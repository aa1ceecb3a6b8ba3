/** Opens the report that lies in or beside this page, or says why it does not open. */

import { render } from "preact";
import { App } from "./app";
import { listen } from "./keys";
import type { Engine } from "./live/engine";
import { startEngine } from "./live/start";
import { Report, ReportContext } from "./report";
import { findSource } from "./source";
import { applyTheme } from "./theme";
import "./style.css";

declare global {
  interface Window {
    /** For whoever opens the console: values by name, and the network itself. */
    inspectnet: { report: Report; engine: () => Promise<Engine> | null };
  }
}

const root = document.getElementById("app")!;

async function start(): Promise<void> {
  applyTheme();
  listen();
  const source = await findSource();
  const report = await Report.open(source);
  window.inspectnet = { report, engine: () => startEngine(report) };
  document.title = `${report.model.name} – inspectnet`;
  root.replaceChildren();
  render(
    <ReportContext.Provider value={report}>
      <App />
    </ReportContext.Provider>,
    root,
  );
}

start().catch((error: unknown) => {
  const why = error instanceof Error ? error.message : String(error);
  render(
    <main class="refusal">
      <h1>This report does not open</h1>
      <p role="alert">{why}</p>
    </main>,
    root,
  );
});
