import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { ffmpeg, scratchFolder, source } from '../test/clips.js';
import { throughTwoShards } from '../test/example.js';
import { decodedHash } from './frame-hash.js';

const ROOT = resolve(import.meta.dirname, '..');

it('the example of the README is the one that runs here', async () => {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  expect(readme).toContain((await readFile(join(ROOT, 'test/example.ts'), 'utf8')).trim());
  const folder = await scratchFolder();
  try {
    const path = join(folder.path, 'plate.mp4');
    await ffmpeg(...source({ frames: 9, soundAtS: 0 }), '-c:v', 'libx264', '-c:a', 'aac', path);
    let seen = 0;
    const report = await throughTwoShards(path, folder.path, () => seen++);
    expect(seen).toBe(9);
    expect(report).toMatchObject({ frames: 9, decodedHash: await decodedHash(path) });
  } finally {
    await folder.remove();
  }
});
