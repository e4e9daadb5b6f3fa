import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containerOf, requireWritable } from './target.js';

describe('containerOf', () => {
  it.each([
    ['a.mp4', 'mp4'],
    ['A.MOV', 'mov'],
    ['odd.name.mkv', 'mkv'],
    ['still.JPEG', 'jpg'],
    ['still.png', 'png'],
  ])('%s is %s', (path, container) => {
    expect(containerOf(path)).toBe(container);
  });

  it.each(['clip', 'clip.avi', '.mp4'])('refuses %s', (path) => {
    expect(() => containerOf(path)).toThrow(/end it in/);
  });
});

describe('requireWritable', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'understudy-target-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('says yes, and leaves nothing behind', async () => {
    expect(await requireWritable(join(dir, 'out.mp4'))).toBe(join(dir, 'out.mp4'));
    expect(await readdir(dir)).toEqual([]);
  });

  it('refuses a folder, and a folder that is not there', async () => {
    await mkdir(join(dir, 'out.mp4'));
    await expect(requireWritable(join(dir, 'out.mp4'))).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
    await expect(requireWritable(join(dir, 'gone/out.mp4'))).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
  });
});
