/**
 * What a report holds: the contract between Python (inspectnet/explorer, which writes it) and the page.
 *
 * A report is a set of named values, each JSON, and of pictures. A name is a path, `layers/3`; where it comes from is
 * the source's business (source.ts): a script beside the page, an element of a single file, a server's answer.
 *
 *   model              Model            read first; the page refuses another SCHEMA in words
 *   photos             Photo[]          every photo that some page shows, by number
 *   photos/N           string           a photo as a data URL, at most 512 px a side
 *   layers/I           LayerData        the I-th layer of Model.layers: its units as columns, and its sheets
 *   layers/I/units/C   UnitData[]       what only the page of a unit shows, in chunks of UNITS_A_CHUNK units
 *   images/N           ImageData        one photo through all layers
 *   results/K          Outcome          the K-th result of Model.results: its record and the arrays its charts need
 *   sheets/NAME        string           a sprite sheet as a data URL or an address
 *   live/...                            what the deconvnet in the page needs: see Live
 */

export const SCHEMA = 1;
export const UNITS_A_CHUNK = 64;
export const EXAMPLES = 9; // as many strongest images of a unit have tiles

export interface Model {
  schema: number;
  inspectnet: string; // version that wrote the report
  name: string;
  sha256: string;
  opset: number;
  input: { name: string; channels: number; height: number; width: number };
  preprocess: Record<string, unknown>;
  classes: string[] | null;
  accuracy: { top1: number; top5: number | null; n: number } | null;
  images: { source: string; count: number; skipped: number; sha256: string };
  method: string; // of the projections: deconvnet, guided_backprop or gradient
  layers: Layer[];
  photos: number;
  results: { kind: string; title: string }[]; // kind: the command's name, evolve, occlude, invariance, ...
  live: Live | null;
  live_reason: string; // why there is no live part: too large for a page, left out; "" where there is one
}

export interface Layer {
  name: string; // as `inspectnet layers` calls it, and as permalinks do: #/conv5:212
  path: string; // of the module that it came from, or ""
  ops: string[];
  maps: number;
  height: number; // of a map, for the network's input
  width: number;
  parameters: number;
  field: { height: number; width: number; stride: number } | null; // in pixels of the input; null: all of it
  scanned: boolean; // whether layers/I exists
  dead: number; // maps that no image excites
  duplicates: number; // maps as good as equal to another one
}

/** Tiles one after the other, row by row, sheet by sheet; a tile is a square of `tile` pixels. */
export interface Sheet {
  name: string; // sheets/NAME
  tile: number;
  columns: number;
  count: number; // tiles in this sheet
}

export interface LayerData {
  best: { projection: Sheet[]; patch: Sheet[] }; // tile u is unit u's strongest image
  examples: { projection: Sheet[]; patch: Sheet[] }; // tile u * EXAMPLES + rank; fewer examples leave mid-grey tiles
  quantiles: { at: number[]; patch: Sheet[] }; // tile u * at.length + i: an image at that quantile of the unit's maxima
  filters: Sheet[]; // of a first layer that sees colours; else empty
  highest: number[]; // a unit's highest activation over all images
  mean: number[]; // of the strongest activation in each image
  active: number[]; // share of the images that excite the unit above 0
  selectivity: number[] | null; // (best class - mean of the others) / (sum of both), 0 to 1; needs labels
  best_class: number[] | null;
}

export interface Example {
  photo: number; // index into photos
  value: number;
  y: number; // place on the map
  x: number;
  box: [number, number, number, number]; // x0, y0, x1, y1 of the field in the network's input, pixels; may lie outside
  contrast: number; // what the projection was divided by to be shown
}

export interface UnitData {
  examples: Example[]; // strongest first
  quantiles: (Example | null)[]; // as LayerData.quantiles.at
  histogram: { edges: number[]; counts: number[] }; // of the strongest activation in each image
  classes: { index: number; mean: number; count: number }[]; // the strongest classes first, at most 10; [] without labels
  alike: { unit: number; likeness: number }[]; // the units most alike, by correlation of their maxima over images
}

export interface Photo {
  name: string;
  width: number; // of what photos/N holds
  height: number;
  label: number | null;
  crop: [number, number, number, number]; // x0, y0, x1, y1 of the network's input in photos/N, pixels
}

export interface ImageData {
  predictions: { index: number; probability: number }[]; // at most five
  layers: { layer: number; units: { unit: number; value: number; share: number; y: number; x: number }[] }[]; // by share of the unit's highest
}

export interface Outcome {
  kind: string;
  envelope: Record<string, unknown>; // result.json of the command
  pictures: string[]; // names of pictures, PNG or SVG, as data URLs under results/K/pictures/NAME
}

/**
 * The deconvnet in the page. Values are base64 of gzip unless said otherwise.
 *   live/runtime         {module, wasm}: the loader and the binary of onnxruntime-web
 *   live/weights         the weights of all graphs, one file of external data
 *   live/forward         the graph image -> scores and every layer
 *   live/inverse/I/M     the graph image, seed -> pixels of layer I by method M
 *   live/proof           a recorded projection: what the page must compute again before it trusts itself
 */
export interface Live {
  runtime: string; // version of onnxruntime-web
  weights: string; // the name under which graphs ask for their weights
  methods: string[];
  layers: number[]; // layers that have an inverse
  input: string; // name of the image's tensor in all graphs
  seed: string;
  pixels: string;
  outputs: Record<string, string>; // layer name -> tensor of the forward graph
  scores: string | null;
  mean: number[]; // of the preparation, by channel, in units of the photo (0 to 255)
  scale: number[];
}

export interface Proof {
  layer: number;
  unit: number;
  y: number;
  x: number;
  method: string;
  image: string; // float32, base64, (1, C, H, W), already prepared
  pixels: string; // what onnxruntime gave for it
}
