import { copyFile, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ffmpeg, scratchFolder, setDisplayMatrix, source } from '../test/clips.js';
import { plateInfoSchema } from './plate-info.js';
import { probePlate } from './probe-plate.js';

let folder: Awaited<ReturnType<typeof scratchFolder>>;
const at = (name: string) => join(folder.path, name);
const X264 = ['-c:v', 'libx264', '-preset', 'veryfast'];
beforeAll(async () => {
  folder = await scratchFolder();
  await ffmpeg(
    ...source({ frames: 24, soundAtS: 0 }),
    ...X264,
    '-c:a',
    'aac',
    '-movflags',
    '+faststart',
    at('clip.mp4'),
  );
  await ffmpeg(...source({ frames: 24 }), ...X264, at('clip.mkv'));
  await ffmpeg(
    '-f',
    'lavfi',
    '-i',
    'testsrc2=size=320x240',
    '-frames:v',
    '1',
    '-f',
    'image2pipe',
    '-c:v',
    'mjpeg',
    at('still.jpg'),
  );
  await ffmpeg(
    '-f',
    'lavfi',
    '-i',
    'testsrc2=size=320x240',
    '-frames:v',
    '1',
    '-f',
    'image2pipe',
    '-c:v',
    'png',
    at('still.png'),
  );
});
afterAll(() => folder.remove());

async function cutCopy(from: string, to: string, keep: number): Promise<void> {
  await copyFile(at(from), at(to));
  await truncate(at(to), Math.floor((await readFile(at(from))).length * keep));
}

/** Each kind of bad input: how to make it, and what is said about it. */
const BAD: Record<string, { make: (path: string) => Promise<unknown>; code: string; reason?: string }> = {
  'an empty file': { make: (path) => writeFile(path, ''), code: 'EMPTY_MEDIA' },
  'a missing file': { make: () => Promise.resolve(), code: 'UNREADABLE_MEDIA' },
  'a folder': { make: (path) => mkdir(path), code: 'UNREADABLE_MEDIA' },
  'a named pipe': { make: (path) => Promise.resolve(execFileSync('mkfifo', [path])), code: 'UNREADABLE_MEDIA' },
  'text named .mp4': { make: (path) => writeFile(path, 'not a clip at all, only words\n'), code: 'NOT_A_VIDEO' },
  'random bytes': { make: (path) => writeFile(path, Buffer.alloc(5000, 'q7z')), code: 'NOT_A_VIDEO' },
  'an HLS playlist': { make: (path) => writeFile(path, '#EXTM3U\n#EXTINF:1,\nclip.mp4\n'), code: 'PLAYLIST_REFUSED' },
  'an HLS playlist after a byte order mark': {
    make: (path) => writeFile(path, '\uFEFF#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/x\n'),
    code: 'PLAYLIST_REFUSED',
  },
  'a concat script': {
    make: (path) => writeFile(path, "ffconcat version 1.0\nfile 'clip.mp4'\n"),
    code: 'PLAYLIST_REFUSED',
  },
  'a concat script without its header': {
    make: (path) => writeFile(path, "file '/etc/passwd'\n"),
    code: 'PLAYLIST_REFUSED',
  },
  'a DASH manifest': {
    make: (path) => writeFile(path, '<?xml version="1.0"?>\n<MPD type="static"></MPD>'),
    code: 'PLAYLIST_REFUSED',
  },
  'an SVG drawing': {
    make: (path) => writeFile(path, '<svg xmlns="http://www.w3.org/2000/svg"/>'),
    code: 'UNSUPPORTED_MEDIA',
  },
  'a GIF': { make: (path) => ffmpeg(...source({ frames: 2 }), '-f', 'gif', path), code: 'UNSUPPORTED_MEDIA' },
  'sound alone': { make: (path) => ffmpeg('-i', at('clip.mp4'), '-vn', '-c', 'copy', path), code: 'NOT_A_VIDEO' },
  'sound with a cover picture': {
    make: (path) =>
      ffmpeg(
        '-i',
        at('clip.mp4'),
        '-i',
        at('still.jpg'),
        '-map',
        '0:a',
        '-map',
        '1:v',
        '-c',
        'copy',
        '-disposition:v',
        'attached_pic',
        path,
      ),
    code: 'NOT_A_VIDEO',
  },
  'an MP4 without its index': {
    make: async (path) => {
      await ffmpeg('-i', at('clip.mp4'), '-c', 'copy', path);
      await truncate(path, 9000);
    },
    code: 'TRUNCATED_MEDIA',
  },
  'an MP4 cut off in its data': {
    make: (path) => cutCopy('clip.mp4', path.split('/').at(-1) as string, 0.6),
    code: 'TRUNCATED_MEDIA',
  },
  'a Matroska file cut off': {
    make: (path) => cutCopy('clip.mkv', path.split('/').at(-1) as string, 0.6),
    code: 'TRUNCATED_MEDIA',
  },
  'a PNG cut off': {
    make: (path) => cutCopy('still.png', path.split('/').at(-1) as string, 0.6),
    code: 'TRUNCATED_MEDIA',
  },
  'a JPEG cut off': {
    make: (path) => cutCopy('still.jpg', path.split('/').at(-1) as string, 0.6),
    code: 'TRUNCATED_MEDIA',
  },
  'a damaged clip': {
    make: async (path) => {
      const bytes = await readFile(at('clip.mp4'));
      bytes.fill(0x5a, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 3000);
      await writeFile(path, bytes);
    },
    code: 'TRUNCATED_MEDIA',
  },
  'interlaced video': {
    make: (path) =>
      ffmpeg(
        ...source({ rate: '25', frames: 12 }),
        '-c:v',
        'mpeg2video',
        '-flags',
        '+ildct+ilme',
        '-top',
        '1',
        '-f',
        'mpegts',
        path,
      ),
    code: 'UNSUPPORTED_MEDIA',
    reason: 'interlaced',
  },
  '12-bit samples': {
    make: (path) => ffmpeg(...source({ frames: 2, format: 'yuv420p12le' }), '-c:v', 'ffv1', '-f', 'matroska', path),
    code: 'UNSUPPORTED_MEDIA',
    reason: 'pixel-format',
  },
  'a picture of absurd size': {
    make: async (path) => {
      const bytes = await readFile(at('still.png'));
      bytes.writeUInt32BE(0x7fff, 16);
      bytes.writeUInt32BE(0x7fff, 20);
      await writeFile(path, bytes);
    },
    code: 'UNREADABLE_MEDIA',
  },
};

describe('bad input is refused with its code and reason', () => {
  it.each(Object.entries(BAD))('%s', async (name, { make, code, reason }) => {
    const path = at(`bad ${name}.mp4`);
    await make(path);
    const refusal = await probePlate(path).then(
      () => null,
      (error: unknown) => error as { code: string; message: string; details: Record<string, unknown> },
    );
    expect(refusal).toMatchObject(reason === undefined ? { code } : { code, details: { reason } });
    // Messages go to logs: no names and no paths in them.
    expect(refusal?.message).not.toContain(folder.path);
    expect(refusal?.message).not.toContain(`bad ${name}`);
    expect(JSON.stringify(refusal?.details['stderr'] ?? '')).not.toContain(folder.path);
  });
});

describe('probePlate', () => {
  it('takes any name, and content over name', async () => {
    for (const name of [
      `it's "quoted" $(touch hacked) %03d;&.mov`,
      '-leading dash.mp4',
      'clip %d.png',
      'no-extension',
      'http:clip.mp4',
    ]) {
      await copyFile(at('clip.mp4'), at(name));
      expect((await probePlate(at(name))).frameCount).toBe(24);
    }
  });

  it('describes streams, tags, guesses and side streams as plain JSON', async () => {
    const path = at('described.mkv');
    await writeFile(at('words.srt'), '1\n00:00:00,000 --> 00:00:00,500\nhello\n');
    await ffmpeg(
      ['-i', at('clip.mp4'), '-i', at('words.srt'), '-map', '0', '-map', '1', '-c', 'copy', '-c:s', 'srt'],
      ['-metadata:s:a:0', 'language=deu', path],
    );
    const plate = await probePlate(path);
    expect(plate).toMatchObject({
      container: 'matroska',
      frameCount: 24,
      video: {
        codec: 'h264',
        guessed: ['range', 'matrix'],
        colour: { matrix: 'bt601', range: 'tv' },
        tags: { matrix: null },
      },
      audio: [{ codec: 'aac', sampleRate: 48000, channels: 1, language: 'deu' }],
      subtitles: [{ codec: 'subrip' }],
    });
    expect(plateInfoSchema.parse(JSON.parse(JSON.stringify(plate)))).toEqual(plate);
  });

  it('turns photographs upright as their EXIF data say', async () => {
    const jpeg = await readFile(at('still.jpg'));
    const turned = [
      [1, 'upright', 320],
      [3, 'rotate-180', 320],
      [6, 'rotate-90', 240],
      [8, 'rotate-270', 240],
    ] as const;
    for (const [orientation, name, width] of turned) {
      await writeFile(at('photo.jpg'), Buffer.concat([jpeg.subarray(0, 2), exif(orientation), jpeg.subarray(2)]));
      expect((await probePlate(at('photo.jpg'))).video).toMatchObject({ orientation: name, width });
    }
  });

  it('refuses a clip turned by an odd angle', async () => {
    await copyFile(at('clip.mkv'), at('turned.mkv'));
    await ffmpeg('-i', at('clip.mp4'), '-an', '-c', 'copy', at('turned.mp4'));
    await setDisplayMatrix(at('turned.mp4'), [1, 1, -1, 1]);
    await expect(probePlate(at('turned.mp4'))).rejects.toMatchObject({
      code: 'UNSUPPORTED_MEDIA',
      details: { reason: 'rotation' },
    });
  });

  it('stops when cancelled', async () => {
    await expect(probePlate(at('clip.mp4'), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    const soon = AbortSignal.timeout(40);
    await expect(probePlate(at('clip.mp4'), { signal: soon })).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

/** An APP1 segment whose only entry is tag 0x0112, the orientation. */
function exif(orientation: number): Buffer {
  const header = 'ffe100224578696600004d4d002a00000008';
  const entry = `0001${'011200030000000100'}0${orientation}000000000000`;
  return Buffer.from(header + entry, 'hex');
}
