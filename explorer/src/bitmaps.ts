/** Sprite sheets, decoded when they come on screen and dropped when they have long been off it. */

const BUDGET = 96 << 20; // bytes of decoded pixels

export class Bitmaps {
  #ready = new Map<string, ImageBitmap>(); // the longest unused first
  #coming = new Map<string, Promise<ImageBitmap>>();
  #bytes = 0;

  constructor(readonly address: (name: string) => Promise<string>) {}

  /** The sheet, if it is decoded. */
  peek(name: string): ImageBitmap | undefined {
    const bitmap = this.#ready.get(name);
    if (bitmap) {
      this.#ready.delete(name);
      this.#ready.set(name, bitmap);
    }
    return bitmap;
  }

  /** Decodes the sheet, off the main thread. */
  load(name: string): Promise<ImageBitmap> {
    const known = this.peek(name);
    if (known) return Promise.resolve(known);
    let coming = this.#coming.get(name);
    if (!coming) {
      coming = this.#decode(name).finally(() => this.#coming.delete(name));
      this.#coming.set(name, coming);
    }
    return coming;
  }

  async #decode(name: string): Promise<ImageBitmap> {
    const image = new Image();
    image.src = await this.address(name);
    await image.decode().catch(() => {
      throw new Error(`The picture sheets/${name} is missing or damaged.`);
    });
    const bitmap = await createImageBitmap(image);
    this.#ready.set(name, bitmap);
    this.#bytes += size(bitmap);
    for (const [oldest, old] of this.#ready) {
      if (this.#bytes <= BUDGET || oldest === name) break;
      this.#ready.delete(oldest);
      this.#bytes -= size(old);
      old.close();
    }
    return bitmap;
  }
}

const size = (bitmap: ImageBitmap) => bitmap.width * bitmap.height * 4;
