import { createCipheriv, createDecipheriv, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { UnderstudyError } from '@understudy/contracts';
import type { StoredObject } from './object-store.js';

/*
 * A sealed object: a header, then the content in chunks, each under AES-256-GCM with its tag behind it. The nonce of a chunk is a
 * random prefix, the chunk's number and whether it is the last (the STREAM construction: Hoang, Reyhanitabar, Rogaway, Vizár,
 * "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015), so that chunks which are left out, moved,
 * repeated or of another file do not open, and any chunk opens without those before it. Each file has keys of its own, made of
 * the project's key and a random salt. The header's last field ties the content to the object's name and length, so that one
 * object does not open in another's place.
 */

const MAGIC = Buffer.from('USOB');
const VERSION = 1;
const CHUNK_LOG2 = 16;
export const CHUNK_BYTES = 1 << CHUNK_LOG2;
export const TAG_BYTES = 16;
export const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;

export const KEY_ID_BYTES = 8;
export const SALT_BYTES = 32;
const PREFIX_BYTES = 7;
const NAME_BYTES = 32;
const KEY_ID_AT = MAGIC.length + 2;
const SALT_AT = KEY_ID_AT + KEY_ID_BYTES;
const PREFIX_AT = SALT_AT + SALT_BYTES;
const NAME_AT = PREFIX_AT + PREFIX_BYTES;
export const HEADER_BYTES = NAME_AT + NAME_BYTES;
/** Random bytes that a header is made of. */
export const RANDOM_BYTES = SALT_BYTES + PREFIX_BYTES;

/** What a key is told by; tells nothing about it. */
export function keyIdOf(dataKey: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', dataKey, '', 'understudy data key id/1', KEY_ID_BYTES));
}

/** Bytes of a sealed file whose content has so many. */
export function sealedBytes(plainBytes: number): number {
  return HEADER_BYTES + plainBytes + TAG_BYTES * chunksOf(plainBytes);
}

/** Bytes of content in a sealed file of so many; null where no content comes to it. */
export function plainBytes(sealedFileBytes: number): number | null {
  const body = sealedFileBytes - HEADER_BYTES;
  const chunks = Math.ceil(body / SEALED_CHUNK_BYTES);
  const bytes = body - chunks * TAG_BYTES;
  return bytes >= 0 && chunksOf(bytes) === chunks ? bytes : null;
}

/** Chunks of so many bytes of content: nothing is one empty chunk. */
export function chunksOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / CHUNK_BYTES));
}

/** Seals and opens the chunks of one file. */
export class SealedFormat {
  readonly #chunkKey: Buffer;
  readonly #nameKey: Buffer;
  readonly #head: Buffer;

  private constructor(dataKey: Uint8Array, projectId: string, head: Buffer) {
    this.#head = head;
    const salt = head.subarray(SALT_AT, PREFIX_AT);
    const keys = Buffer.from(hkdfSync('sha256', dataKey, salt, `understudy object/1 ${projectId}`, 64));
    this.#chunkKey = keys.subarray(0, 32);
    this.#nameKey = keys.subarray(32);
  }

  /** @param random RANDOM_BYTES that were never used before */
  static make(dataKey: Uint8Array, projectId: string, random: Uint8Array): SealedFormat {
    const head = Buffer.concat([MAGIC, Buffer.from([VERSION, CHUNK_LOG2]), keyIdOf(dataKey), random]);
    return new SealedFormat(dataKey, projectId, head);
  }

  /** @throws UnderstudyError INTERNAL for what is no header, of another key, or of another object */
  static read(dataKey: Uint8Array, projectId: string, header: Uint8Array, named: StoredObject): SealedFormat {
    const bytes = Buffer.from(header);
    const head = bytes.subarray(0, NAME_AT);
    const known = bytes.length === HEADER_BYTES && head.subarray(0, MAGIC.length).equals(MAGIC);
    if (!known || head[MAGIC.length] !== VERSION || head[MAGIC.length + 1] !== CHUNK_LOG2) throw altered();
    if (!head.subarray(KEY_ID_AT, SALT_AT).equals(keyIdOf(dataKey))) {
      throw new UnderstudyError('INTERNAL', 'A stored object was sealed under another key than its project has.');
    }
    const format = new SealedFormat(dataKey, projectId, head);
    if (!timingSafeEqual(format.#nameTag(named), bytes.subarray(NAME_AT))) throw altered();
    return format;
  }

  /** The whole header, once the content's name is known. */
  header(named: StoredObject): Buffer {
    return Buffer.concat([this.#head, this.#nameTag(named)]);
  }

  /** @param plain CHUNK_BYTES, or fewer in the last chunk; @returns what to write, in parts */
  seal(index: number, plain: Uint8Array, isLast: boolean): Buffer[] {
    const cipher = createCipheriv('aes-256-gcm', this.#chunkKey, this.#nonce(index, isLast)).setAAD(this.#head);
    return [cipher.update(plain), cipher.final(), cipher.getAuthTag()];
  }

  /** @throws UnderstudyError INTERNAL for what was changed, or is no such chunk of this file */
  open(index: number, sealed: Uint8Array, isLast: boolean): Buffer {
    const tagAt = sealed.length - TAG_BYTES;
    if (tagAt < 0) throw altered();
    const nonce = this.#nonce(index, isLast);
    const decipher = createDecipheriv('aes-256-gcm', this.#chunkKey, nonce, { authTagLength: TAG_BYTES })
      .setAAD(this.#head)
      .setAuthTag(sealed.subarray(tagAt));
    const plain = decipher.update(sealed.subarray(0, tagAt));
    try {
      decipher.final();
    } catch (cause) {
      throw altered(cause);
    }
    return plain;
  }

  #nonce(index: number, isLast: boolean): Buffer {
    const nonce = Buffer.alloc(PREFIX_BYTES + 5);
    this.#head.copy(nonce, 0, PREFIX_AT, NAME_AT);
    nonce.writeUInt32BE(index, PREFIX_BYTES);
    nonce[PREFIX_BYTES + 4] = isLast ? 1 : 0;
    return nonce;
  }

  #nameTag({ sha256, bytes }: StoredObject): Buffer {
    return createHmac('sha256', this.#nameKey).update(this.#head).update(`${sha256} ${bytes}`).digest();
  }
}

export function altered(cause?: unknown): UnderstudyError {
  return new UnderstudyError('INTERNAL', 'A stored object was changed, or is not the one it is kept as.', { cause });
}
