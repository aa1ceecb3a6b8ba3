/** Bytes as text of a page: 7 bits a character; inspectnet/explorer/sevens.py writes it. */

const ABOVE = 0xa0; // characters that a page would not give back stand this much higher

export function fromSevens(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.floor((text.length * 7) / 8));
  let buffer = 0, bits = 0, at = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    buffer = (buffer << 7) | (code < 128 ? code : code - ABOVE);
    bits += 7;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = buffer >> bits;
      buffer &= (1 << bits) - 1;
    }
  }
  return bytes;
}
