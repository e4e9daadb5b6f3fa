import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Length, type, data and checksum of a last chunk without data. */
const END_BYTES = 12;

/**
 * The same picture as a file of its own: two pictures that happen to be equal are two questions, each with its answer.
 *
 * @param png a PNG file's bytes, which get a text chunk before their last
 */
export function unlikeAnyOther(png: Buffer, nonce: string = randomUUID()): Buffer {
  const data = Buffer.from(`tEXtComment\0${nonce}`, 'latin1');
  const chunk = Buffer.alloc(data.length + 8);
  chunk.writeUInt32BE(data.length - 4, 0);
  data.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(data), data.length + 4);
  return Buffer.concat([png.subarray(0, -END_BYTES), chunk, png.subarray(-END_BYTES)]);
}
