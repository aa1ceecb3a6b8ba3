/** A photo becomes a network's input, as inspectnet's Preparation makes it: resampled as Pillow does, to the grey level. */

import type { Preprocess } from "../bundle";

export interface Pixels {
  data: Uint8ClampedArray; // RGBA
  width: number;
  height: number;
}

export interface Prepared {
  shown: Pixels; // what the network sees, as a picture
  values: Float32Array; // (1, C, H, W)
}

type Filter = { support: number; weight: (x: number) => number };

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
const cubic = (x: number) => (x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0);
const FILTERS: Record<string, Filter> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, weight: (x) => (Math.abs(x) < 1 ? sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x)) : 0) },
  bicubic: { support: 2, weight: (x) => cubic(Math.abs(x)) },
  lanczos: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** The crop [x0, y0, x1, y1] in pixels of a photo that becomes the network's input; it may lie outside. */
export function cropOf(height: number, width: number, { input_size, crop_pct, crop_mode }: Preprocess): [number, number, number, number] {
  const [, rows, columns] = input_size;
  const frame = [rows, columns].map((side) => Math.floor(side / crop_pct + 1e-3)) as [number, number];
  const [tall, wide] = resized(height, width, frame, crop_mode);
  const begin = (whole: number, part: number) => (part > whole ? -Math.floor((part - whole) / 2) : roundHalfEven((whole - part) / 2));
  const top = begin(tall, rows), left = begin(wide, columns);
  const down = height / tall, across = width / wide;
  return [left * across, top * down, (left + columns) * across, (top + rows) * down];
}

function resized(height: number, width: number, [down, across]: [number, number], mode: string): [number, number] {
  if (mode === "squash") return [down, across];
  if (mode === "center" && down === across) {
    const long = Math.trunc((down * Math.max(height, width)) / Math.min(height, width));
    return height <= width ? [down, long] : [long, across];
  }
  const ratio = (mode === "border" ? Math.max : Math.min)(height / down, width / across);
  return [Math.max(1, roundHalfEven(height / ratio)), Math.max(1, roundHalfEven(width / ratio))];
}

export function roundHalfEven(x: number): number {
  const down = Math.floor(x);
  return x - down === 0.5 ? down + (down % 2) : Math.round(x);
}

/** The input made of the part `crop` of a photo; where that lies outside, it is the mean. */
export function prepare(photo: Pixels, crop: readonly number[], to: Preprocess): Prepared {
  const [channels, height, width] = to.input_size;
  const rows = taps(photo.height, crop[1]!, crop[3]!, height, to.interpolation);
  const columns = taps(photo.width, crop[0]!, crop[2]!, width, to.interpolation);
  const order = to.channel_order === "bgr" ? [2, 1, 0] : [0, 1, 2];
  const fill = order.map((_, c) => Math.round(255 * (to.mean[channels === 1 ? 0 : order.indexOf(c)] ?? 0)));
  if (channels === 1) photo = luma(photo);
  const between = new Uint8ClampedArray(photo.height * width * 3);
  for (let y = 0; y < photo.height; y++) {
    columns.forEach((tap, x) => {
      for (let c = 0; c < 3; c++) {
        between[(y * width + x) * 3 + c] = tap ? sum(tap, (i) => photo.data[(y * photo.width + i) * 4 + c]!) : fill[c]!;
      }
    });
  }
  const shown = new Uint8ClampedArray(height * width * 4).fill(255);
  const values = new Float32Array(channels * height * width);
  rows.forEach((tap, y) => {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const rgb = [0, 1, 2].map((c) => (tap && columns[x] ? sum(tap, (i) => between[(i * width + x) * 3 + c]!) : fill[c]!));
      shown.set(rgb, at * 4);
      for (let c = 0; c < channels; c++) {
        const level = rgb[channels === 1 ? 0 : order[c]!]!;
        values[c * height * width + at] = (level / 255 - to.mean[c]!) / to.std[c]!;
      }
    }
  });
  return { shown: { data: shown, width, height }, values };
}

/** In grey, weighed as Pillow's "L" is. */
function luma({ data, width, height }: Pixels): Pixels {
  const grey = new Uint8ClampedArray(data);
  for (let i = 0; i < data.length; i += 4) {
    grey.fill((data[i]! * 19595 + data[i + 1]! * 38470 + data[i + 2]! * 7471 + 0x8000) >> 16, i, i + 3);
  }
  return { data: grey, width, height };
}

interface Tap {
  from: number;
  weights: number[]; // in 2^-22, as Pillow's
}

/** What each output position reads of `side` pixels; null where it lies outside of them. */
function taps(side: number, from: number, to: number, count: number, interpolation: string): (Tap | null)[] {
  const scale = (to - from) / count;
  const filter = FILTERS[interpolation];
  return Array.from({ length: count }, (_, at) => {
    const centre = from + (at + 0.5) * scale;
    if (centre < 0 || centre >= side) return null;
    if (!filter) return { from: Math.floor(centre), weights: [1 << 22] }; // nearest
    const stretch = Math.max(1, scale);
    const least = Math.max(0, Math.trunc(centre - filter.support * stretch + 0.5));
    const most = Math.min(side, Math.trunc(centre + filter.support * stretch + 0.5));
    const raw = Array.from({ length: most - least }, (_, i) => filter.weight((least + i - centre + 0.5) / stretch));
    const total = raw.reduce((a, b) => a + b, 0);
    return { from: least, weights: raw.map((weight) => Math.round((weight / total) * (1 << 22))) };
  });
}

function sum({ from, weights }: Tap, value: (at: number) => number): number {
  let total = 1 << 21;
  for (let i = 0; i < weights.length; i++) total += weights[i]! * value(from + i);
  return Math.max(0, Math.min(255, Math.floor(total / (1 << 22))));
}

/** The pixels of what an image element, a file or a camera shows. */
export function pixelsOf(image: CanvasImageSource, width: number, height: number): Pixels {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(image, 0, 0, width, height);
  return { data: context.getImageData(0, 0, width, height).data, width, height };
}

/** Of that address, which has to be a data URL or a blob's: others may not be read from file://. */
export async function pixelsAt(address: string): Promise<Pixels> {
  const image = new Image();
  image.src = address;
  await image.decode();
  return pixelsOf(image, image.naturalWidth, image.naturalHeight);
}
