/** A photo with the field of a unit, or a part of it, drawn in it. */

import type { Photo } from "./bundle";
import { usePromise, useReport } from "./report";

export type Box = readonly [number, number, number, number];

/** The box in pixels of photos/N, of a box in those of the network's input. */
export function inPhoto(box: Box, { crop }: Photo, input: { height: number; width: number }): Box {
  const across = (crop[2] - crop[0]) / input.width;
  const down = (crop[3] - crop[1]) / input.height;
  return [crop[0] + box[0] * across, crop[1] + box[1] * down, crop[0] + box[2] * across, crop[1] + box[3] * down];
}

interface FramedPhoto {
  photo: number;
  boxes?: Box[]; // in pixels of the network's input
  shown?: Box; // the part of the field that a tile shows
  place?: (y: number, x: number) => void; // called with the pixel of the input that is clicked
}

export function FramedPhoto({ photo, boxes = [], shown, place }: FramedPhoto) {
  const report = useReport();
  const { input } = report.model;
  const address = usePromise(report.photo(photo));
  const about = report.photos[photo];
  if (!about) return null;
  const { name, width, height, crop } = about;
  const click = (event: MouseEvent) => {
    const frame = (event.currentTarget as Element).getBoundingClientRect();
    const x = ((event.clientX - frame.left) / frame.width) * width;
    const y = ((event.clientY - frame.top) / frame.height) * height;
    place?.(((y - crop[1]) / (crop[3] - crop[1])) * input.height, ((x - crop[0]) / (crop[2] - crop[0])) * input.width);
  };
  return (
    <div class="framed" style={{ aspectRatio: `${width} / ${height}`, "--ratio": width / height }} data-clickable={place ? true : undefined} onClick={place && click}>
      {address && <img src={address} alt={name} />}
      <svg viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
        <path class="outside" fill-rule="evenodd" d={`M0 0H${width}V${height}H0Z ${rectangle(crop)}`} />
        {boxes.map((box, i) => (
          <path key={i} class="box" d={rectangle(inPhoto(box, about, input))} />
        ))}
        {shown && <path class="shown" d={rectangle(inPhoto(shown, about, input))} />}
      </svg>
    </div>
  );
}

const rectangle = ([x0, y0, x1, y1]: Box) => `M${x0} ${y0}H${x1}V${y1}H${x0}Z`;

/** A small picture of the whole input with a field in its middle, to scale. */
export function FieldToScale({ input, field, size = 44 }: { input: { height: number; width: number }; field: { height: number; width: number } | null; size?: number }) {
  const width = Math.min(field?.width ?? input.width, input.width);
  const height = Math.min(field?.height ?? input.height, input.height);
  return (
    <svg class="scale" width={size} height={size} viewBox={`-1 -1 ${input.width + 2} ${input.height + 2}`} aria-hidden="true">
      <rect width={input.width} height={input.height} class="whole" />
      <rect x={(input.width - width) / 2} y={(input.height - height) / 2} width={width} height={height} class="part" />
    </svg>
  );
}
