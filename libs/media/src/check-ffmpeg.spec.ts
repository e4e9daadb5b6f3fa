import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratchFolder } from '../test/clips.js';
import { checkFfmpeg, isAtLeast } from './check-ffmpeg.js';
import { mediaTools } from './config.js';

let folder: Awaited<ReturnType<typeof scratchFolder>>;
beforeAll(async () => {
  folder = await scratchFolder();
});
afterAll(() => folder.remove());

/** A program that says what it is told to. */
async function stub(name: string, body: string): Promise<string> {
  const path = join(folder.path, name);
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
  return path;
}

describe('checkFfmpeg', () => {
  it('finds the installed programs', async () => {
    expect((await checkFfmpeg()).version).toMatch(/^[\dnN]/);
  });

  it('names the command that installs what is missing', async () => {
    const missing = checkFfmpeg(mediaTools({ PATH: folder.path }));
    await expect(missing).rejects.toMatchObject({
      code: 'FFMPEG_MISSING',
      message: expect.stringContaining('apt-get install') as string,
    });
  });

  it('refuses an old version and a build without the encoders', async () => {
    const ffprobe = await stub('probe', 'echo "ffprobe version 6.1 Copyright"');
    const old = await stub('old', 'echo "ffmpeg version 4.4.2 Copyright"');
    await expect(checkFfmpeg({ ffmpeg: old, ffprobe, searchPath: '/usr/bin:/bin' })).rejects.toMatchObject({
      code: 'FFMPEG_MISSING',
    });
    const bare = await stub('bare', 'echo "ffmpeg version 6.1 Copyright"');
    await expect(checkFfmpeg({ ffmpeg: bare, ffprobe, searchPath: '/usr/bin:/bin' })).rejects.toMatchObject({
      details: { missing: ['libx264', 'aac', 'png', 'mjpeg'] },
    });
  });

  it.each([
    ['5.1.9-0+deb12u1', true],
    ['5.0.1', false],
    ['n7.1', true],
    ['8.0', true],
    ['N-109468-gd39b34123d', true],
    ['4.4.2', false],
    ['', false],
  ])('%j at least 5.1: %s', (version, enough) => {
    expect(isAtLeast(version, [5, 1])).toBe(enough);
  });
});
