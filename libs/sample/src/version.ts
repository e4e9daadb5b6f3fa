import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import sharp from 'sharp';

const own = (name: string): boolean =>
  ['.ts', '.js'].includes(extname(name)) && !name.endsWith('.d.ts') && !name.includes('.spec.');

/**
 * Changes whenever the drawing may: a hash of this library's own code and of the rasteriser's version. Who caches a
 * drawn sample keys it by this.
 */
export const SAMPLE_VERSION: string = hashOfFolder(import.meta.dirname);

function hashOfFolder(folder: string): string {
  const hash = createHash('sha256').update(JSON.stringify(sharp.versions));
  for (const name of readdirSync(folder).filter(own).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest('hex').slice(0, 16);
}
