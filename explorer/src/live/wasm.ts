/** The network in the page: onnxruntime-web on WebAssembly, one thread, from nothing but the report. */

import type * as Ort from "onnxruntime-web";
import type { Live, Model, Proof, Told } from "../bundle";
import { unpack, type Source } from "../source";
import { floatsOf, strongest, type Engine, type Run, type Seed } from "./engine";

const TOLERANCE = 1e-5; // of the maximum: what this page computes may differ from the record by so much
const KEPT = 4; // inverse graphs that stay loaded

type Runtime = typeof Ort;

/** Starts the runtime and proves it on the recorded projection; rejects where it computes something else. */
export async function startInPage(source: Source, model: Model, live: Live, tell: (what: string) => void): Promise<Engine> {
  tell("unpacking the runtime …");
  const ort = await load(source);
  tell("unpacking the network …");
  const weights = fromPlanes(await unpack(await source.get<string>("live/weights")));
  const network = new Network(source, model, live, ort, weights);
  tell("proving it on a recorded projection …");
  const difference = await network.prove(await source.get<Proof>("live/proof"));
  const far = difference.toExponential(0).replace("-", "−");
  if (!(difference <= TOLERANCE)) {
    throw new Error(`This browser computes the recorded projection differently, by ${far} of its maximum, so the live part stays off. Use another browser, or inspectnet explore.`);
  }
  return {
    says: `WebAssembly in this page, onnxruntime-web ${live.runtime}: it gave the recorded projection again, to ${far} of its maximum`,
    methods: live.methods,
    layers: live.layers,
    run: (image) => network.run(image),
    probabilities: live.scores ? (image) => network.probabilities(image) : null,
  };
}

/** A file of which all first bytes of each four stand before all second ones, as it was. */
export function fromPlanes(planes: Uint8Array): Uint8Array {
  const count = Math.floor(planes.length / 4);
  const bytes = planes.slice();
  for (let plane = 0; plane < 4; plane++) for (let i = 0; i < count; i++) bytes[i * 4 + plane] = planes[plane * count + i]!;
  return bytes;
}

async function load(source: Source): Promise<Runtime> {
  const files = await source.get<{ script: string; module: string; wasm: string }>("live/runtime");
  const script = document.createElement("script");
  script.textContent = new TextDecoder().decode(await unpack(files.script));
  document.head.append(script);
  const { ort } = window as unknown as { ort: Runtime };
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = (await unpack(files.wasm)).buffer;
  ort.env.wasm.wasmPaths = { mjs: URL.createObjectURL(new Blob([await unpack(files.module)], { type: "text/javascript" })) };
  return ort;
}

class Network {
  #forward: Promise<Ort.InferenceSession> | undefined;
  #inverses = new Map<string, Promise<Ort.InferenceSession>>();

  constructor(
    readonly source: Source,
    readonly model: Model,
    readonly live: Live,
    readonly ort: Runtime,
    readonly weights: Uint8Array,
  ) {}

  /** The largest difference to the recorded projection, as a share of its maximum. */
  async prove(proof: Proof): Promise<number> {
    const pixels = await this.#project(floatsOf(proof.image), proof);
    const recorded = floatsOf(proof.pixels);
    if (pixels.length !== recorded.length) return Infinity;
    const most = recorded.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return pixels.reduce((most, value, i) => Math.max(most, Math.abs(value - recorded[i]!)), 0) / most;
  }

  async run(image: Float32Array): Promise<Run> {
    const outputs = await this.#outputs(image);
    const layers: Told["layers"] = [];
    const maps = new Map<number, Float32Array>();
    this.model.layers.forEach(({ name, maps: count, width }, layer) => {
      const output = outputs[this.live.outputs[name] ?? ""];
      if (!output) return;
      const values = output.data as Float32Array;
      maps.set(layer, values);
      layers.push({ layer, ...strongest(values, count, width) });
    });
    return {
      layers,
      probabilities: this.#probabilities(outputs),
      maps: async (layer) => maps.get(layer) ?? new Float32Array(),
      project: (seed) => this.#project(image, seed),
    };
  }

  probabilities = async (image: Float32Array) => this.#probabilities(await this.#outputs(image)) ?? [];

  async #outputs(image: Float32Array): Promise<Ort.InferenceSession.OnnxValueMapType> {
    this.#forward ??= this.#open("live/forward");
    return (await this.#forward).run({ [this.live.input]: this.#image(image) });
  }

  #probabilities(outputs: Ort.InferenceSession.OnnxValueMapType): number[] | null {
    const scores = outputs[this.live.scores ?? ""];
    if (!scores) return null;
    const values = [...(scores.data as Float32Array)];
    if (!this.live.softmax) return values;
    const most = Math.max(...values);
    const powers = values.map((value) => Math.exp(value - most));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  }

  async #project(image: Float32Array, seed: Seed): Promise<Float32Array> {
    const session = await this.#inverse(seed);
    const { maps, height, width } = this.model.layers[seed.layer]!;
    const about = session.inputMetadata[session.inputNames.indexOf(this.live.seed)];
    const flat = about?.isTensor && about.shape.length === 2;
    const values = new Float32Array(maps * height * width);
    values[(seed.unit * height + seed.y) * width + seed.x] = seed.value;
    const feeds: Record<string, Ort.Tensor> = {
      [this.live.seed]: new this.ort.Tensor("float32", values, flat ? [1, maps] : [1, maps, height, width]),
    };
    // a way down that needs nothing of the image does not ask for it
    if (session.inputNames.includes(this.live.input)) feeds[this.live.input] = this.#image(image);
    return (await session.run(feeds))[this.live.pixels]!.data as Float32Array;
  }

  #image(values: Float32Array): Ort.Tensor {
    const { channels, height, width } = this.model.input;
    return new this.ort.Tensor("float32", values, [1, channels, height, width]);
  }

  #inverse({ layer, method }: Seed): Promise<Ort.InferenceSession> {
    const name = `live/inverse/${layer}/${method}`;
    const session = this.#inverses.get(name) ?? this.#open(name);
    this.#inverses.delete(name);
    this.#inverses.set(name, session);
    const [oldest] = this.#inverses;
    if (oldest && this.#inverses.size > KEPT) {
      this.#inverses.delete(oldest[0]);
      void oldest[1].then((old) => old.release(), () => undefined);
    }
    session.catch(() => this.#inverses.delete(name));
    return session;
  }

  async #open(name: string): Promise<Ort.InferenceSession> {
    const graph = await unpack(await this.source.get<string>(name));
    return this.ort.InferenceSession.create(graph, {
      executionProviders: ["wasm"],
      externalData: [{ path: this.live.weights, data: this.weights }],
    });
  }
}
