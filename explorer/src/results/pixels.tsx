/** An array of a result as a picture. */

import { useEffect, useRef } from "preact/hooks";
import { greyCentred } from "../colour";
import type { Numbers } from "./arrays";

/** A signal (C, H, W), zero in mid-grey, or with `photo` levels 0 to 255 (H, W, 3). */
export function Pixels({ numbers, label, photo = false }: { numbers: Numbers; label: string; photo?: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [a = 1, b = 1, c = 1] = numbers.shape;
  const [height, width] = photo ? [a, b] : [b, c];
  useEffect(() => {
    const values = numbers.values.map((value) => value ?? 0);
    const data = photo
      ? new Uint8ClampedArray(values.flatMap((_, i) => (i % 3 === 0 ? [...values.slice(i, i + 3), 255] : [])))
      : greyCentred(new Float32Array(values), height, width);
    canvas.current!.getContext("2d")!.putImageData(new ImageData(data, width, height), 0, 0);
  }, [numbers]);
  return <canvas class="pixels" ref={canvas} width={width} height={height} role="img" aria-label={label} />;
}
