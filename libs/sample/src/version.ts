import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

const own = (name: string): boolean => name.endsWith('.ts') && !name.endsWith('.spec.ts');

/**
 * Changes whenever the drawing may: a hash of this library's own sources and of the rasteriser's version. Who caches a
 * drawn sample keys it by this. The sources are read from `dist` too, so that both draw under one key.
 */
export const SAMPLE_VERSION: string = hashOfFolder(join(import.meta.dirname, '../src'));

function hashOfFolder(folder: string): string {
  const hash = createHash('sha256').update(JSON.stringify(sharp.versions));
  for (const name of readdirSync(folder).filter(own).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest('hex').slice(0, 16);
}
