import type { Readable } from 'node:stream';

/** Fills buffers from a byte stream, holding back at most one chunk: the pipe's own back-pressure bounds memory. */
export class ByteStream {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  }

  /** Whether the stream has ended. */
  async atEnd(): Promise<boolean> {
    return (await this.fillBuffer(new Uint8Array(1))) === 0;
  }

  /** Fills `into` and returns its length, or how many bytes there were before the end. */
  async fillBuffer(into: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < into.byteLength) {
      if (this.#rest.byteLength === 0) {
        const next = await this.#chunks.next();
        if (next.done === true) return filled;
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, into.byteLength - filled);
      into.set(part, filled);
      filled += part.byteLength;
      this.#rest = this.#rest.subarray(part.byteLength);
    }
    return filled;
  }
}

/** The lines of a text stream, one at a time; undefined at its end. */
export class LineStream {
  readonly #chunks: AsyncIterator<string>;
  #text = '';

  constructor(stream: Readable) {
    this.#chunks = stream.setEncoding('utf8')[Symbol.asyncIterator]() as AsyncIterator<string>;
  }

  async next(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n');
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const chunk = await this.#chunks.next();
      if (chunk.done === true) return undefined;
      this.#text += chunk.value;
    }
  }
}
