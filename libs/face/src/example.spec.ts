import { readFile } from 'node:fs/promises';

import type { Frame } from '@understudy/frame';
import { expect, test } from 'vitest';

import { ADA, drawFrame } from '../test/drawn-face.js';
import { tracksOf } from '../test/example.js';
import { DATA_FOLDER } from '../test/open-models.js';

async function* clip(): AsyncGenerator<Frame> {
  for (let n = 0; n < 8; n++) yield await drawFrame([{ x: 280 + 6 * n, y: 220, scale: 1, look: ADA }]);
}

test("the README's example runs as it is printed", async () => {
  const example = await readFile(new URL('../test/example.ts', import.meta.url), 'utf8');
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  expect(readme).toContain(example);
  const tracks = await tracksOf(clip(), DATA_FOLDER);
  expect(tracks).toHaveLength(1);
  expect(tracks[0]!.faces).toHaveLength(8);
  expect(tracks[0]!.faces[7]!.box.x - tracks[0]!.faces[0]!.box.x).toBeCloseTo(42, -1);
});
