/** Occlusion (Zeiler & Fergus 2014, Fig. 7): what hiding each place of the input does to a class. */

export interface Sweep {
  rows: (number | null)[][]; // probability of the class where the square's middle was there; null: not yet
  done: number;
  total: number;
}

/** Slides a mid-grey square over the input (C, H, W) and yields the map after each row. */
export async function* occlude(
  image: Float32Array,
  { height, width, grey }: { height: number; width: number; grey: number[] }, // grey: of each channel, prepared
  probability: (image: Float32Array) => Promise<number>,
): AsyncGenerator<Sweep> {
  const side = Math.max(1, Math.round((Math.min(height, width) * 50) / 224)); // 50 px of 224, as inspectnet occlude
  const stride = Math.max(1, Math.round((Math.min(height, width) * 16) / 224));
  const places = (extent: number) => {
    const count = Math.floor((extent - side) / stride) + 1;
    const first = Math.floor((extent - side - (count - 1) * stride) / 2);
    return Array.from({ length: count }, (_, i) => first + i * stride);
  };
  const tops = places(height), lefts = places(width);
  const rows: (number | null)[][] = tops.map(() => lefts.map(() => null));
  const total = tops.length * lefts.length;
  let done = 0;
  for (const [i, top] of tops.entries()) {
    for (const [j, left] of lefts.entries()) {
      const hidden = image.slice();
      grey.forEach((value, c) => {
        for (let y = top; y < top + side; y++) hidden.fill(value, (c * height + y) * width + left, (c * height + y) * width + left + side);
      });
      rows[i]![j] = await probability(hidden);
      done++;
    }
    yield { rows: rows.map((row) => [...row]), done, total };
    await new Promise((resolve) => setTimeout(resolve)); // the page answers keys in between
  }
}
