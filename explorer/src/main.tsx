/** Opens the report that lies in or beside this page, or says why it does not open. */

import { render } from "preact";
import { App } from "./app";
import { listen } from "./keys";
import { Report, ReportContext } from "./report";
import { findSource } from "./source";
import { applyTheme } from "./theme";
import "./style.css";

const root = document.getElementById("app")!;

async function start(): Promise<void> {
  applyTheme();
  listen();
  const source = findSource();
  const report = await Report.open(source);
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
