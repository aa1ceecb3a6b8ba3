/** Opens the report that lies in or beside this page, or says why it does not open. */

import { render } from "preact";
import { App } from "./app";
import type { Progress } from "./bundle";
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
  let report = await Report.open(source);
  const show = (progress: Progress | null) => {
    window.inspectnet = { report, engine: () => startEngine(report) };
    document.title = `${report.model.name} – inspectnet`;
    render(
      <ReportContext.Provider value={report}>
        <App progress={progress} />
      </ReportContext.Provider>,
      root,
    );
  };
  root.replaceChildren();
  show(null);
  source.watch(async (progress) => {
    if (progress.changed.length) report = await Report.open(source);
    show(progress);
  });
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
