import { mkdir, open, readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { ANCHOR_CHECKPOINTS, ANCHOR_LEAVES, parseCheckpoints, type SignedCheckpoint } from '@understudy/tlog';

const HASH_BYTES = 32;
/** Far more than a note with its signatures has. */
const TAIL_BYTES = 4096;

/** Two files that only grow: signed checkpoints one after another, and the leaf hashes they vouch for. */
export class AnchorFolder {
  readonly #checkpoints: string;
  readonly #leaves: string;

  constructor(readonly path: string) {
    this.#checkpoints = join(path, ANCHOR_CHECKPOINTS);
    this.#leaves = join(path, ANCHOR_LEAVES);
  }

  /** The newest checkpoint kept; null in an empty folder. @throws SyntaxError when the file is no list of checkpoints */
  async head(): Promise<SignedCheckpoint | null> {
    const text = await this.#tail();
    if (text === '') return null;
    // A note begins after the last but one signature; the tail may begin within an older one.
    const end = text.lastIndexOf('\n\u2014 ', text.lastIndexOf('\n\n'));
    const start = end === -1 ? 0 : text.indexOf('\n', end + 1) + 1;
    return parseCheckpoints(text.slice(start)).at(-1) ?? null;
  }

  /**
   * Appends the leaves that are new and then the checkpoint over them, each on disk before the next.
   *
   * @param since leaves that the newest kept checkpoint vouches for; what lies beyond them is of an append that broke off
   */
  async append(since: number, leaves: AsyncIterable<Uint8Array>, note: string): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    const kept = (await stat(this.#leaves).catch(() => null))?.size ?? 0;
    if (kept > since * HASH_BYTES) await truncate(this.#leaves, since * HASH_BYTES);
    await appendDurably(this.#leaves, leaves);
    await appendDurably(this.#checkpoints, [Buffer.from(note, 'utf8')]);
  }

  /** How many leaf hashes are kept and vouched for. */
  async vouchedLeaves(size: number): Promise<number> {
    const bytes = (await stat(this.#leaves).catch(() => null))?.size ?? 0;
    return Math.min(size, Math.floor(bytes / HASH_BYTES));
  }

  async #tail(): Promise<string> {
    const size = (await stat(this.#checkpoints).catch(() => null))?.size ?? 0;
    if (size === 0) return '';
    if (size <= TAIL_BYTES) return readFile(this.#checkpoints, 'utf8');
    const file = await open(this.#checkpoints, 'r');
    try {
      const { buffer } = await file.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, size - TAIL_BYTES);
      return buffer.toString('utf8');
    } finally {
      await file.close();
    }
  }
}

async function appendDurably(path: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'a', 0o600);
  try {
    for await (const chunk of chunks) await file.appendFile(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}
