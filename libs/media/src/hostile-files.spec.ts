import { readFile, writeFile } from 'node:fs/promises';
import { crc32, deflateSync } from 'node:zlib';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ffmpeg, scratchFolder, source } from '../test/clips.js';
import { probePlate } from './probe-plate.js';

/** However a file is made, it is looked at or refused within this. */
const MOST_MS = 60_000;

let folder: Awaited<ReturnType<typeof scratchFolder>>;
let clip: Buffer;
const at = (name: string): string => join(folder.path, name);
beforeAll(async () => {
  folder = await scratchFolder();
  await ffmpeg(...source({ frames: 8 }), '-c:v', 'libx264', '-preset', 'ultrafast', at('clip.mov'));
  await ffmpeg('-i', at('clip.mov'), '-c', 'copy', at('clip.mp4'));
  clip = await readFile(at('clip.mp4'));
});
afterAll(() => folder.remove());

/** An ISO box: its length, its name, what it holds. */
function box(name: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(content.length + 8);
  head.write(name, 4, 'latin1');
  return Buffer.concat([head, content]);
}

function pngChunk(name: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), content]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}

/** A PNG of one bit a sample, all black: a few kilobytes, whatever its size. */
function png(side: number, ...chunks: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header[8] = 1;
  const rows = Buffer.alloc((Math.ceil(side / 8) + 1) * side);
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    pngChunk('IHDR', header),
    ...chunks,
    pngChunk('IDAT', deflateSync(rows)),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

const PAGE = Buffer.from('<!doctype html><html><script>alert(document.domain)</script></html>');
/** The end of a ZIP archive with one entry, as far as a reader looks from the back. */
const ZIP = Buffer.concat([
  Buffer.from('504b0304', 'hex'),
  Buffer.alloc(64),
  Buffer.from('504b0506', 'hex'),
  Buffer.alloc(18),
]);

async function written(name: string, bytes: Buffer): Promise<string> {
  await writeFile(at(name), bytes);
  return at(name);
}

describe('a file that is two things at once', () => {
  it.each([
    ['a page behind the clip', () => Buffer.concat([clip, box('free', PAGE)])],
    ['an archive behind the clip', () => Buffer.concat([clip, box('free', ZIP)])],
  ])('%s: it is the clip that it begins as, and nothing of the other is kept as media', async (name, make) => {
    const found = await probePlate(await written(`${name}.mp4`, make()));
    expect(found).toMatchObject({ container: 'mov', frameCount: 8, subtitles: [], chapters: 0 });
  });

  it.each([
    ['a page before the clip', () => Buffer.concat([PAGE, clip])],
    ['an archive before the clip', () => Buffer.concat([ZIP, clip])],
    ['a PDF before the clip', () => Buffer.concat([Buffer.from('%PDF-1.7\n'), clip])],
    ['a script before the clip', () => Buffer.concat([Buffer.from('#!/bin/sh\ntouch /tmp/pwned\n'), clip])],
  ])('%s: refused by its first bytes', async (name, make) => {
    await expect(probePlate(await written(`${name}.mp4`, make()))).rejects.toMatchObject({
      code: expect.stringMatching(/^(NOT_A_VIDEO|UNSUPPORTED_MEDIA|PLAYLIST_REFUSED)$/),
    });
  });
});

describe('a clip that says its samples lie in another file', () => {
  it('is refused, or read for its own alone', async () => {
    const bytes = Buffer.from(await readFile(at('clip.mov')));
    const entry = bytes.indexOf('dref', 0, 'latin1') + 12;
    expect(bytes.toString('latin1', entry + 4, entry + 8)).toMatch(/^(url |alis)$/);
    // The entry's flag says that they are in this very file: taken off, they are elsewhere.
    bytes.write('url ', entry + 4, 'latin1');
    bytes.writeUInt32BE(0, entry + 8);
    const whole = await probePlate(at('clip.mov'));
    const path = await written('elsewhere.mov', bytes);
    const found = await probePlate(path).catch((thrown: unknown) => thrown as { code: string });
    if ('code' in found) expect(found.code).toMatch(/_MEDIA$/);
    else expect(found).toEqual(whole);
  });
});

describe('a bomb', () => {
  it('a picture of 400 million samples in 50 kB is refused by its header', async () => {
    const path = await written('bomb.png', png(20_000));
    expect((await readFile(path)).length).toBeLessThan(200_000);
    await expect(probePlate(path)).rejects.toMatchObject({ code: expect.stringMatching(/_MEDIA$/) });
  });

  it('words that unpack to 64 MiB beside a small picture end the look', { timeout: MOST_MS }, async () => {
    const words = Buffer.concat([Buffer.from('Comment\0\0', 'latin1'), deflateSync(Buffer.alloc(64 * 1024 ** 2, 'a'))]);
    const path = await written('words.png', png(64, pngChunk('zTXt', words)));
    expect((await readFile(path)).length).toBeLessThan(100_000);
    await expect(probePlate(path)).rejects.toMatchObject({
      code: 'UNREADABLE_MEDIA',
      details: { reason: 'description' },
    });
  });

  it('thousands of chapters are counted, not kept', { timeout: MOST_MS }, async () => {
    const chapters = Array.from(
      { length: 5000 },
      (_, n) => `[CHAPTER]\nTIMEBASE=1/1000000\nSTART=${n * 10}\nEND=${n * 10 + 9}\ntitle=${'x'.repeat(200)}\n`,
    );
    await writeFile(at('chapters.txt'), `;FFMETADATA1\n${chapters.join('')}`);
    await ffmpeg(
      '-i',
      at('clip.mp4'),
      '-i',
      at('chapters.txt'),
      '-map_chapters',
      '1',
      '-c',
      'copy',
      at('chapters.mkv'),
    );
    const seen = await probePlate(at('chapters.mkv')).catch((thrown: unknown) => thrown as { code: string });
    expect('code' in seen ? seen.code : seen.chapters).toEqual(expect.toBeOneOf([5000, 'UNSUPPORTED_MEDIA']));
    expect(JSON.stringify(seen).length).toBeLessThan(10_000);
  });

  it('more streams than anybody records are refused', { timeout: MOST_MS }, async () => {
    const maps = Array.from({ length: 900 }, () => ['-map', '1:a']).flat();
    await ffmpeg(
      ...['-i', at('clip.mp4'), '-f', 'lavfi', '-t', '0.1', '-i', 'anullsrc=r=8000:cl=mono'],
      ...['-map', '0:v', ...maps, '-c:v', 'copy', '-c:a', 'pcm_s16le', '-f', 'matroska', at('streams.mkv')],
    );
    await expect(probePlate(at('streams.mkv'))).rejects.toMatchObject({
      code: 'UNSUPPORTED_MEDIA',
      details: { reason: 'streams' },
    });
  });
});
