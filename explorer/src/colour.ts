/** Numbers become colours. */

/** Of viridis, eight points apart evenly: dark is low, light is high, also for those who see no red or green. */
const POINTS: [number, number, number][] = [
  [68, 1, 84], [70, 50, 127], [54, 92, 141], [39, 127, 142], [31, 161, 135], [74, 194, 109], [159, 218, 58], [253, 231, 37],
];

/** The colour of a share, 0 to 1; beyond, that of the end. */
export function rgb(share: number): [number, number, number] {
  const place = Math.max(0, Math.min(1, share)) * (POINTS.length - 1);
  const left = Math.min(Math.floor(place), POINTS.length - 2);
  const [from, to] = [POINTS[left]!, POINTS[left + 1]!];
  return [0, 1, 2].map((c) => Math.round(from[c]! + (to[c]! - from[c]!) * (place - left))) as [number, number, number];
}

const GREY = 128; // of 1 to 255, whose middle it is
const REACH = 127;

/**
 * The pixels (H, W, RGBA) of a signal (C, H, W), zero in mid-grey; `clip` is the percentile of |x|, zeros left out, of
 * full contrast, `gamma` below 1 lifts what is faint.
 */
export function greyCentred(signal: Float32Array, height: number, width: number, { clip = 99.5, gamma = 1 } = {}): Uint8ClampedArray<ArrayBuffer> {
  const pixels = height * width;
  const channels = signal.length / pixels;
  const sizes = signal.filter((value) => value !== 0).map(Math.abs).sort();
  const place = ((sizes.length - 1) * clip) / 100;
  const below = sizes[Math.floor(place)] ?? 0;
  const limit = below + ((sizes[Math.ceil(place)] ?? 0) - below) * (place % 1) || 1;
  const out = new Uint8ClampedArray(pixels * 4).fill(255);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < 3; c++) {
      const value = signal[(channels === 3 ? c : 0) * pixels + i]! / limit;
      out[i * 4 + c] = GREY + Math.round(REACH * Math.sign(value) * Math.min(1, Math.abs(value)) ** gamma);
    }
  }
  return out;
}
