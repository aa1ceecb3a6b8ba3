/** What runs the network on photos: the page itself, or a server. */

import type { Model, Told } from "../bundle";
import { base64Of, bytesOf, type Source } from "../source";

export interface Seed {
  layer: number;
  unit: number;
  y: number;
  x: number;
  value: number;
  method: string;
}

/** A network that has run on one image. */
export interface Run extends Told {
  /** All maps of a layer, (maps, height, width). */
  maps(layer: number): Promise<Float32Array>;
  /** The projection (C, H, W) of a seed. */
  project(seed: Seed): Promise<Float32Array>;
}

export interface Engine {
  says: string; // which backend it is and why it is trusted
  methods: string[];
  layers: number[]; // that have an inverse
  run(image: Float32Array): Promise<Run>;
  /** Class probabilities of other images, for occlusion. */
  probabilities: ((image: Float32Array) => Promise<number[]>) | null;
}

/** The largest, and where it is, of each map of (maps, height, width). */
export function strongest(values: Float32Array, maps: number, width: number): { values: number[]; ys: number[]; xs: number[] } {
  const places = values.length / maps;
  const told = { values: [] as number[], ys: [] as number[], xs: [] as number[] };
  for (let map = 0; map < maps; map++) {
    let best = 0;
    for (let at = 1; at < places; at++) if (values[map * places + at]! > values[map * places + best]!) best = at;
    told.values.push(values[map * places + best]!);
    told.ys.push(Math.floor(best / width));
    told.xs.push(best % width);
  }
  return told;
}

export const floatsOf = (base64: string) => new Float32Array(bytesOf(base64).buffer);

const base64OfFloats = (values: Float32Array) => base64Of(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));

/** The network behind `inspectnet explore`. */
export function serverEngine(ask: NonNullable<Source["ask"]>, model: Model): Engine {
  return {
    says: "computed by onnxruntime, behind this page",
    methods: model.live?.methods ?? [model.method],
    layers: model.live?.layers ?? model.layers.map((_, index) => index),
    async run(values) {
      const image = base64OfFloats(values);
      return {
        ...(await ask<Told>({ ask: "forward", image })),
        maps: async (layer) => floatsOf((await ask<{ values: string }>({ ask: "maps", image, layer })).values),
        project: async (seed) => floatsOf((await ask<{ pixels: string }>({ ask: "project", image, ...seed })).pixels),
      };
    },
    probabilities: async (values) => (await ask<{ probabilities: number[][] }>({ ask: "scores", images: [base64OfFloats(values)] })).probabilities[0]!,
  };
}
