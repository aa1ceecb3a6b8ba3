/** What stands under the tile of a unit: its number and a value. */

/** `of` is read out before the number: what it is a unit of. */
export function Caption({ of, unit, value }: { of: string; unit: number; value: string }) {
  return <span class="caption"><b><span class="unseen">{of}:</span>{unit}</b> <span>{value}</span></span>;
}
