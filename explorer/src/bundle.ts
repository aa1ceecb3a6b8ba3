/**
 * What a report holds: the contract between Python (inspectnet/explorer, which writes it) and the page.
 *
 * A report is a set of named values, each JSON, and of pictures. A name is a path, `layers/3`; where it comes from is
 * the source's business (source.ts).
 *
 *   model              Model            read first; the page refuses another SCHEMA in words
 *   photos             Photo[]          every photo that some page shows, by number
 *   photos/N           string           a photo as a data URL, at most 512 px a side
 *   layers/I           LayerData        the I-th layer of Model.layers: its units as columns, and its sheets
 *   layers/I/units/C   UnitData[]       what only the page of a unit shows, in chunks of UNITS_A_CHUNK units
 *   images/N           ImageData        one photo through all layers, N below Model.images.walked
 *   results/K          Outcome          the K-th result of Model.results: its record and the arrays its charts need
 *   results/K/pictures/NAME  string     a picture of it as a data URL
 *   live/...                            what the deconvnet in the page needs: see Live
 *
 * Beside them, a sprite sheet NAME is the WebP picture sheets/NAME.
 *
 * How a source holds them:
 *   folder        data/NAME.js, every / of NAME a -, says `report("NAME", VALUE);`; sheets/NAME.webp is the picture itself
 *   single file   elements at MARK in the page:
 *                   <script type="application/json" data-name="NAME">VALUE, every < as \u003c</script>
 *                   <script type="application/gzip" data-name="NAME">gzip of VALUE, as sevens.ts has it</script>
 *                   <script type="image/webp" data-name="sheets/NAME">the picture, likewise</script>
 *                 `model` goes first, live/... last: the page shows what it has while the browser reads on
 *   server        GET data/NAME answers VALUE, GET sheets/NAME.webp the picture, POST live what Asked and Told say;
 *                 GET progress is a stream of server-sent events, each a Progress. <meta name="inspectnet-server"
 *                 content="TOKEN"> at MARK says that the page talks to a server; content may be empty
 */

export const MARK = "<!-- report -->"; // in index.html, once: where Python puts elements of a single file

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
  preprocess: Preprocess;
  classes: string[] | null;
  accuracy: { top1: number; top5: number | null; n: number } | null;
  images: { source: string; count: number; skipped: number; walked: number; sha256: string };
  method: string; // of the projections: deconvnet, guided_backprop or gradient
  layers: Layer[];
  photos: number;
  results: { kind: string; title: string }[]; // kind: the command's name, evolve, occlude, invariance, ...
  live: Live | null;
  live_reason: string; // why there is no live part: too large for a page, left out; "" where there is one
}

/** As inspectnet's Preparation.to_json. */
export interface Preprocess {
  input_size: [number, number, number]; // C, H, W
  mean: number[]; // subtracted from pixels in 0 to 1, in the order of the network's channels
  std: number[];
  interpolation: string;
  crop_pct: number;
  crop_mode: string; // center, squash or border
  channel_order: string; // rgb or bgr
}

export interface Layer {
  name: string; // as `inspectnet layers` calls it, and as permalinks do: #/conv5:212
  path: string; // of the module that it came from, or ""
  ops: string[];
  maps: number;
  height: number; // of a map, for the network's input
  width: number;
  parameters: number;
  field: Field | null; // null: a unit sees all of the input
  scanned: boolean; // whether layers/I exists
  dead: number; // maps that no image excites
  duplicates: number | null; // maps whose maxima go with those of another one; null: too few images to tell
}

/** Receptive field of a unit in pixels of the input; place (y, x) sees from top + y * stride, left + x * stride on. */
export interface Field {
  height: number;
  width: number;
  stride: number;
  top: number; // of the first place; below 0 where there is padding
  left: number;
}

/**
 * Tiles one after the other, row by row, sheet by sheet; a tile is a square of `tile` pixels.
 *
 * Sheet C of a list holds the tiles of the units of chunk C. A picture that is no square lies in the middle of its tile,
 * which is mid-grey (128) around it.
 */
export interface Sheet {
  name: string; // sheets/NAME
  tile: number;
  columns: number;
  count: number; // tiles in this sheet
}

export interface LayerData {
  best: { projection: Sheet[]; patch: Sheet[] }; // tile u is unit u's strongest image
  examples: { projection: Sheet[]; patch: Sheet[] }; // tile u * EXAMPLES + rank; fewer examples leave mid-grey tiles
  photos: number[]; // of the examples, in the same order: index into photos, -1 where there is none
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
  shown: [number, number, number, number]; // the part of box that the tiles show, where the signal is
  contrast: number; // what the projection was divided by to be shown; 0: nothing came down, or not projected
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
  crop: [number, number, number, number]; // x0, y0, x1, y1 of the network's input in photos/N, pixels; parts of pixels, may lie outside
}

export interface ImageData {
  predictions: { index: number; probability: number }[]; // at most five
  layers: { layer: number; units: { unit: number; value: number; share: number; y: number; x: number }[] }[]; // by share of the unit's highest
}

export interface Outcome {
  kind: string;
  envelope: Record<string, unknown>; // result.json of the command
  arrays: Record<string, { shape: number[]; values: (number | null)[] }>; // by the name that envelope gives them; flat
  tables: { title: string; columns: string[]; rows: (string | number | null)[][] }[]; // what the command prints
  pictures: string[]; // NAMEs of results/K/pictures/NAME, PNG or SVG
}

/**
 * The deconvnet in the page. Values are base64 of gzip of a file, as JSON strings, unless said otherwise.
 *   live/runtime         {script, module, wasm}: the files of onnxruntime-web that lie beside the built page
 *                        (ort.wasm.min.js, ort-wasm-simd-threaded.mjs, ort-wasm-simd-threaded.wasm), each so
 *   live/weights         the weights of all graphs, one file of external data, its bytes in planes: all first ones of
 *                        each four, then all second ones ..., which gzip takes a tenth shorter; the rest as it stands
 *   live/forward         the graph image -> scores and every layer
 *   live/inverse/I/M     the graph image, seed -> pixels of layer I by method M
 *   live/proof           Proof, plain JSON: a recorded projection: what the page must compute again before it trusts itself
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
  scores: string | null; // tensor of the forward graph with the class scores
  softmax: boolean; // whether the scores are to go through softmax to become probabilities
}

export interface Proof {
  layer: number;
  unit: number;
  y: number;
  x: number;
  method: string;
  value: number; // of the seed, zero elsewhere: the unit's activation
  image: string; // float32, base64, (1, C, H, W), already prepared
  pixels: string; // what onnxruntime gave for it
}

/** What a page asks of a server: POST live, JSON. An image is float32, base64, (1, C, H, W), already prepared. */
export type Asked =
  | { ask: "forward"; image: string } // Told
  | { ask: "maps"; image: string; layer: number } // {values: float32, base64, (maps, height, width)}
  | { ask: "project"; image: string; layer: number; unit: number; y: number; x: number; value: number; method: string } // {pixels: float32, base64, (C, H, W)}
  | { ask: "scores"; images: string[] }; // {probabilities: number[][]}

/** What the network makes of an image: each map's strongest place, layer by layer. */
export interface Told {
  probabilities: number[] | null;
  layers: { layer: number; values: number[]; ys: number[]; xs: number[] }[];
}

export interface Progress {
  what: string; // "" when nothing is under way
  done: number;
  total: number;
  changed: string[]; // names whose values are new; where there are some, the page asks for all of them again
}
