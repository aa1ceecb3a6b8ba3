/** Dead maps and the size of filters (Fig. 6), network beside network, each a link to its unit. */

import type { Outcome } from "../bundle";
import { Bars } from "../charts";
import { percent } from "../format";
import { useReport } from "../report";
import { toUnit } from "../route";
import { arrayOf } from "./arrays";

interface Network {
  name: string;
  filters: { layer: string; rms: unknown };
  dead_maps: Record<string, number[]>;
}

export function Diagnose({ outcome }: { outcome: Outcome }) {
  const { networks } = outcome.envelope.result as { networks: Network[] };
  return <>{networks.map((network) => <OfNetwork key={network.name} network={network} outcome={outcome} />)}</>;
}

function OfNetwork({ network: { name, filters, dead_maps }, outcome }: { network: Network; outcome: Outcome }) {
  const report = useReport();
  const rms = arrayOf(outcome, filters.rms)?.values;
  const link = (layer: string, unit: number) => (report.model.layers[report.layerNamed(layer)]?.scanned ? toUnit(layer, unit) : undefined);
  return (
    <section>
      <h2>{name}</h2>
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
