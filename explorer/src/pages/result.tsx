/** The result of an analysis: its charts, its pictures, its tables, and its record. */

import type { Outcome } from "../bundle";
import { Table } from "../charts";
import { chartOf } from "../results/charts";
import { usePromise, useReport } from "../report";
import { RESULTS } from "../route";

export function ResultPage({ kind, number }: { kind: string; number: number }) {
  const report = useReport();
  const indices = report.model.results.flatMap((result, index) => (result.kind === kind ? [index] : []));
  const index = indices[number - 1];
  const outcome = usePromise(index === undefined ? null : report.outcome(index));
  if (kind === "tables") return <Tables />;
  if (index === undefined) {
    return <p class="notice" role="alert">This report has no result of {kind}. Add one with inspectnet report --with {kind}.</p>;
  }
  const { title } = report.model.results[index]!;
  if (!outcome) return <p class="notice" role="status">Reading {title} …</p>;
  const Chart = chartOf(kind);
  return (
    <div class="page result">
      <h1>{RESULTS[kind] ?? kind} <span class="aside">{title}</span></h1>
      {Chart && <Chart outcome={outcome} />}
      {outcome.tables.map((table, i) => <Table key={i} {...table} />)}
      {outcome.pictures.map((name) => <Picture key={name} index={index} name={name} />)}
      <RecordOf outcome={outcome} />
    </div>
  );
}

function Picture({ index, name }: { index: number; name: string }) {
  const address = usePromise(useReport().source.get<string>(`results/${index}/pictures/${name}`));
  return <figure class="picture">{address && <img src={address} alt={name} />}<figcaption class="quiet">{name}</figcaption></figure>;
}

function RecordOf({ outcome }: { outcome: Outcome }) {
  return (
    <details>
      <summary>The record: result.json</summary>
      <pre tabIndex={0}>{JSON.stringify(outcome.envelope, null, 1).slice(0, 200_000)}</pre>
    </details>
  );
}

/** The tables of all results on one page. */
function Tables() {
  const { model } = useReport();
  return (
    <div class="page result">
      <h1>Tables</h1>
      {model.results.length === 0 && <p class="notice">This report holds no results. Add some with inspectnet report --with diagnose.</p>}
      {model.results.map((_, index) => <TablesOf key={index} index={index} />)}
    </div>
  );
}

function TablesOf({ index }: { index: number }) {
  const outcome = usePromise(useReport().outcome(index));
  return <>{outcome?.tables.map((table, i) => <Table key={i} {...table} />)}</>;
}
