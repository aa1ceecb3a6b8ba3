/** One tile of a list of sheets, on a canvas of its own. */

import { useLayoutEffect, useRef } from "preact/hooks";
import type { Sheet } from "./bundle";
import { useReport } from "./report";

export interface Place {
  sheet: Sheet;
  x: number; // of the tile's corner in the sheet, pixels
  y: number;
}

/** Where tile `index` of a list of sheets lies; null beyond the last. */
export function placeOf(sheets: Sheet[], index: number): Place | null {
  for (const sheet of sheets) {
    if (index < sheet.count) {
      return { sheet, x: (index % sheet.columns) * sheet.tile, y: Math.floor(index / sheet.columns) * sheet.tile };
    }
    index -= sheet.count;
  }
  return null;
}

/** As large as its box; `label` is for those who do not see it, "" where a text beside it says it. */
export function Tile({ sheets, index, label = "" }: { sheets: Sheet[]; index: number; label?: string }) {
  const { bitmaps } = useReport();
  const canvas = useRef<HTMLCanvasElement>(null);
  const place = placeOf(sheets, index);
  const { sheet, x, y } = place ?? {};
  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context || !sheet) return;
    let here = true;
    const draw = (bitmap: ImageBitmap) => {
      if (here) context.drawImage(bitmap, x!, y!, sheet.tile, sheet.tile, 0, 0, sheet.tile, sheet.tile);
    };
    const bitmap = bitmaps.peek(sheet.name);
    if (bitmap) draw(bitmap);
    else {
      context.clearRect(0, 0, sheet.tile, sheet.tile);
      bitmaps.load(sheet.name).then(draw, () => undefined); // a missing picture stays grey
    }
    return () => void (here = false);
  }, [sheet?.name, x, y]);
  const side = sheet?.tile ?? 1;
  return <canvas class="tile" ref={canvas} width={side} height={side} role={label ? "img" : undefined} aria-label={label || undefined} aria-hidden={!label} />;
}
