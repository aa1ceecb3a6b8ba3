/** Where a report's values come from: a folder, the page itself, or a server. bundle.ts says how each holds them. */

import type { Asked, Progress } from "./bundle";
import { fromSevens } from "./sevens";

export interface Source {
  /** The value of that name. Rejects with a Missing where the report has none. */
  get<T>(name: string): Promise<T>;
  /** The address of a sheet or another picture that an image element can show. */
  sheet(name: string): Promise<string>;
  /** What a server's network answers; null where there is no server. */
  ask: (<T>(asked: Asked) => Promise<T>) | null;
  /** Calls back whenever a server's work gets on, with all values forgotten where some are new; never elsewhere. */
  watch(progress: (progress: Progress) => void): void;
}

export class Missing extends Error {
  constructor(readonly value: string) {
    super(`This report has no ${value}.`);
  }
}

declare global {
  interface Window {
    report: (name: string, value: unknown) => void;
  }
}

/** The source of this page, by what stands in it behind its script. */
export async function findSource(): Promise<Source> {
  for (;;) {
    const read = document.readyState !== "loading";
    const server = document.querySelector<HTMLMetaElement>('meta[name="inspectnet-server"]');
    if (server) return new Server(server.content);
    if (document.querySelector("script[data-name]")) return new SingleFile();
    if (read) return new Folder();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** Keeps the promise of each value, so that each is loaded once. */
abstract class Kept implements Source {
  ask: Source["ask"] = null;
  #values = new Map<string, Promise<unknown>>();

  get<T>(name: string): Promise<T> {
    let value = this.#values.get(name);
    if (!value) {
      value = this.load(name);
      this.#values.set(name, value); // what is missing stays missing: pages that ask again get the same answer
    }
    return value as Promise<T>;
  }

  forget(): void {
    this.#values.clear();
  }

  watch(_progress: (progress: Progress) => void): void {}

  protected abstract load(name: string): Promise<unknown>;
  abstract sheet(name: string): Promise<string>;
}

/** Scripts beside the page: from file:// no other file can be read. */
class Folder extends Kept {
  #waiting = new Map<string, (value: unknown) => void>();

  constructor() {
    super();
    window.report = (name, value) => this.#waiting.get(name)?.(value);
  }

  protected load(name: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      this.#waiting.set(name, resolve);
      script.src = `data/${encodeURIComponent(name.replaceAll("/", "-"))}.js`;
      script.onload = script.onerror = () => {
        this.#waiting.delete(name);
        script.remove();
        reject(new Missing(name)); // without effect once it has resolved
      };
      document.head.append(script);
    });
  }

  sheet(name: string): Promise<string> {
    return Promise.resolve(`sheets/${path(name)}.webp`);
  }
}

/** Elements of the page. */
class SingleFile extends Kept {
  protected async load(name: string): Promise<unknown> {
    const element = await find(name);
    const text = element.type === "application/gzip" ? await unpacked(fromSevens(element.text)).text() : element.text;
    return JSON.parse(text);
  }

  #addresses = new Map<string, Promise<string>>();

  sheet(name: string): Promise<string> {
    let address = this.#addresses.get(name);
    if (!address) {
      address = find(`sheets/${name}`).then((element) => {
        const blob = new Blob([fromSevens(element.text)], { type: element.type });
        element.remove(); // its text would stay in memory beside the blob
        return URL.createObjectURL(blob);
      });
      this.#addresses.set(name, address);
    }
    return address;
  }
}

/** The element that holds a value; waits while the browser still reads the page. */
async function find(name: string): Promise<HTMLScriptElement> {
  for (;;) {
    const loaded = document.readyState !== "loading";
    const element = document.querySelector<HTMLScriptElement>(`script[data-name="${CSS.escape(name)}"]`);
    // while it is read, the last element may be there in part
    if (element && (loaded || element.nextElementSibling)) return element;
    if (loaded) throw new Missing(name);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** `inspectnet explore`. */
class Server extends Kept {
  constructor(readonly token: string) {
    super();
    this.ask = (asked) => this.#post(asked);
  }

  protected async load(name: string): Promise<unknown> {
    const answer = await fetch(`data/${path(name)}`, { headers: this.#headers() });
    if (answer.status === 404) throw new Missing(name);
    return this.#read(answer);
  }

  sheet(name: string): Promise<string> {
    return Promise.resolve(`sheets/${path(name)}.webp`);
  }

  watch(progress: (progress: Progress) => void): void {
    const events = new EventSource("progress");
    events.onmessage = (event) => {
      const told = JSON.parse(event.data) as Progress;
      if (told.changed.length) this.forget();
      progress(told);
    };
  }

  async #post<T>(asked: Asked): Promise<T> {
    const headers = { "Content-Type": "application/json", ...this.#headers() };
    return this.#read(await fetch("live", { method: "POST", headers, body: JSON.stringify(asked) })) as Promise<T>;
  }

  async #read(answer: Response): Promise<unknown> {
    if (!answer.ok) throw new Error((await answer.text()) || `the server answered ${answer.status}`);
    return answer.json();
  }

  #headers(): Record<string, string> {
    return this.token ? { "X-Inspectnet-Token": this.token } : {};
  }
}

const path = (name: string) => name.split("/").map(encodeURIComponent).join("/");

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

export function base64Of(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(binary);
}

/** The bytes of a gzip file in base64. */
export async function unpack(base64: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await unpacked(bytesOf(base64)).arrayBuffer());
}

function unpacked(gzip: Uint8Array<ArrayBuffer>): Response {
  return new Response(new Blob([gzip]).stream().pipeThrough(new DecompressionStream("gzip")));
}
