import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { drawSample } from './sample.js';
import { SAMPLE_VERSION } from './version.js';

it('a stopped drawing has no truth, so nobody takes it for whole', async () => {
  const outDir = await mkdtemp(join(tmpdir(), 'drawn-sample-'));
  try {
    const stop = new AbortController();
    const onProgress = (): void => stop.abort(new Error('enough'));
    await expect(drawSample({ outDir, signal: stop.signal, onProgress })).rejects.toThrow('enough');
    const left = await readdir(outDir);
    expect(left).toContain('identity-3.png');
    expect(left.filter((name) => !name.endsWith('.png'))).toEqual([]);
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
});

it('has a version that can be part of a folder’s name', () => {
  expect(SAMPLE_VERSION).toMatch(/^[0-9a-f]{16}$/);
});
