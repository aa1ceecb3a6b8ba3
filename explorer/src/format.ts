/** Numbers as they are read. */

/** Three or four digits that count, without an exponent where there is no need for one. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2).replace("-", "−");
  return value.toLocaleString("en", { maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3 }).replace("-", "−");
}

export const percent = (share: number | null | undefined) =>
  share === null || share === undefined ? "–" : `${number(share * 100)} %`;

/** 1 map, 2 maps. */
export const count = (n: number, one: string, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

export function bytes(n: number): string {
  return n >= 1 << 20 ? `${number(n / (1 << 20))} MB` : `${number(n / 1024)} kB`;
}
