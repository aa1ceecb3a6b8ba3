/** What is wrong with filters and maps (Fig. 6), network beside network. */

import type { Outcome } from "../bundle";
import { Bars } from "../charts";
import { number, percent } from "../format";
import { useReport } from "../report";
import { toUnit } from "../route";
import { arrayOf } from "./arrays";

interface Network {
  name: string;
  filters: { layer: string; rms: unknown };
  measures: Record<string, number | null>;
  intervals: Record<string, { low: number; high: number }>;
  dead_maps: Record<string, number[]>;
}

const WORDS: Record<string, string> = {
  dead: "first-layer maps that are dead", dead_above: "maps above it that are dead", faint: "faint filters", dominance: "largest filter, in medians",
  at_ceiling: "filters at the ceiling", duplicates: "duplicate filters", low: "energy at low frequencies", middle: "energy at middle frequencies",
  high: "energy at high frequencies", peaks_in_middle: "filters with their peak in the middle", aliased: "energy beyond the stride's limit",
  aliased_of_noise: "the same of the response to noise", aliased_on_images: "the same of the response to images", aliased_of_images: "in parts of what pixels lose",
};

export function Diagnose({ outcome }: { outcome: Outcome }) {
  const { networks } = outcome.envelope.result as { networks: Network[] };
  return <>{networks.map((network) => <OfNetwork key={network.name} network={network} outcome={outcome} />)}</>;
}

function OfNetwork({ network: { name, filters, measures, intervals, dead_maps }, outcome }: { network: Network; outcome: Outcome }) {
  const report = useReport();
  const rms = arrayOf(outcome, filters.rms)?.values;
  const link = (layer: string, unit: number) => (report.model.layers[report.layerNamed(layer)]?.scanned ? toUnit(layer, unit) : undefined);
  return (
    <section>
      <h2>{name}</h2>
      <div class="table" tabIndex={0} role="region" aria-label={`Measures of ${name}`}>
        <table>
          <thead><tr><th scope="col">measure</th><th scope="col">value</th><th scope="col">95 %</th></tr></thead>
          <tbody>
            {Object.entries(measures).map(([measure, value]) => (
              <tr key={measure}><td>{WORDS[measure] ?? measure}</td><td class="number">{number(value)}</td><td class="number">{intervals[measure] ? `${number(intervals[measure].low)} to ${number(intervals[measure].high)}` : ""}</td></tr>
            ))}
          </tbody>
        </table>
      </div>
      <h2>Dead maps</h2>
      <ul class="dead-maps">
        {Object.entries(dead_maps).map(([layer, maps]) => (
          <li key={layer}>
            <b>{layer}</b>{" "}
            {maps.length === 0 ? <span class="quiet">none</span> : maps.map((map) => (link(layer, map) ? <a key={map} href={link(layer, map)}><span class="unseen">{layer}:</span>{map}</a> : <span key={map}>{map}</span>))}
          </li>
        ))}
      </ul>
      {rms && (
        <>
          <h2>Size of the filters of {filters.layer} <span class="aside">root mean square, in parts of the largest</span></h2>
          <Bars
            bars={rms.map((value, i) => ({ name: `${filters.layer}:${i}`, value: value ?? 0, href: link(filters.layer, i) })).sort((a, b) => b.value - a.value).slice(0, 24)}
            show={(value) => percent(value / Math.max(...rms.map((size) => size ?? 0), 1e-12))}
          />
        </>
      )}
    </section>
  );
}
