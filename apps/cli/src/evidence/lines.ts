import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** Lines of a file, however long it is. */
export const linesOf = (path: string): AsyncIterable<string> =>
  createInterface({ input: createReadStream(path, { highWaterMark: 1 << 18 }), crlfDelay: Infinity });
