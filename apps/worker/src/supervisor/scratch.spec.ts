import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Backoff } from './backoff.js';
import { Scratch } from './scratch.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-scratch-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('scratch', () => {
  it('wipes what a killed worker left, and everything at the end', async () => {
    await mkdir(join(folder, 'lane-3', 'attempt'), { recursive: true });
    await writeFile(join(folder, 'lane-3', 'attempt', 'segment.mp4'), 'frames');
    await writeFile(join(folder, 'owner.json'), JSON.stringify({ pid: 2 ** 22 + 7, startedAt: '1' }));
    const scratch = await Scratch.take(folder);
    expect(await readdir(folder)).toEqual(['owner.json']);
    await mkdir(scratch.lane(0));
    await scratch.leave();
    expect(await readdir(folder)).toEqual([]);
  });

  it('leaves a living worker its folder', async () => {
    const other = spawn('sleep', ['30']);
    try {
      await new Promise((resolve) => other.once('spawn', resolve));
      const stat = await readFile(`/proc/${other.pid}/stat`, 'utf8');
      const startedAt = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
      await writeFile(join(folder, 'owner.json'), JSON.stringify({ pid: other.pid, startedAt }));
      await writeFile(join(folder, 'precious'), 'x');
      await expect(Scratch.take(folder)).rejects.toMatchObject({ code: 'CONFLICT' });
      expect(await readdir(folder)).toContain('precious');
      // The same number, another process: the owner is gone.
      await writeFile(join(folder, 'owner.json'), JSON.stringify({ pid: other.pid, startedAt: '1' }));
      await Scratch.take(folder);
      expect(await readdir(folder)).toEqual(['owner.json']);
    } finally {
      other.kill('SIGKILL');
    }
  });

  it('says so when the folder can not be used', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(Scratch.take(join(folder, 'file'))).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
  });
});

describe('backoff', () => {
  it('waits longer with each crash, up to a bound, and forgets them after a good while', () => {
    const backoff = new Backoff();
    const pauses = Array.from({ length: 9 }, () => backoff.pauseMs(100));
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    expect(backoff.pauseMs(60_000)).toBe(500);
    expect(backoff.pauseMs(100)).toBe(1000);
  });
});
