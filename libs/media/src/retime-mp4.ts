import { open, type FileHandle } from 'node:fs/promises';
import { UnderstudyError } from '@understudy/contracts';

interface Box {
  readonly type: string;
  content: Buffer | Box[];
}

const CONTAINERS = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl']);

/**
 * Gives every frame of an MP4 its own duration, in place, without touching the coded frames.
 *
 * ffmpeg can rewrite timestamps only by formula; a variable rate has none. The file must be one that this library
 * wrote: one video track, frames shown in coding order, `moov` last. Boxes are those of ISO/IEC 14496-12: `stts` takes
 * the durations, `mdhd` the clock, and `edts`, which would cut by the old durations, goes.
 *
 * @param durations ticks of each frame, all positive
 * @throws SEGMENT_INVALID when the file is not of that shape
 */
export async function retimeMp4(path: string, timescale: number, durations: readonly number[]): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { offset, bytes } = await readMoov(file, path);
    const moov = parseBoxes(bytes)[0];
    const track = children(moov, 'trak');
    if (!moov || track.length !== 1) throw misshapen(path, 'one track');
    const trak = track[0] as Box;
    const mdia = only(trak, 'mdia', path);
    const table = only(only(mdia, 'minf', path), 'stbl', path);
    if (children(table, 'ctts').length > 0) throw misshapen(path, 'frames in coding order');
    const stts = only(table, 'stts', path);
    if (sampleCount(stts) !== durations.length) throw misshapen(path, `${durations.length} frames`);
    stts.content = timeToSample(durations);
    const total = durations.reduce((sum, duration) => sum + duration, 0);
    const mdhd = only(mdia, 'mdhd', path);
    mdhd.content = mediaHeader(timescale, total);
    trak.content = (trak.content as Box[]).filter(({ type }) => type !== 'edts');
    const rewritten = serialise(moov);
    await file.truncate(offset);
    await file.write(rewritten, 0, rewritten.length, offset);
  } finally {
    await file.close();
  }
}

async function readMoov(file: FileHandle, path: string): Promise<{ offset: number; bytes: Buffer }> {
  const { size: end } = await file.stat();
  const header = Buffer.alloc(16);
  for (let offset = 0; offset + 8 <= end;) {
    await file.read(header, 0, 16, offset);
    const short = header.readUInt32BE(0);
    const size = short === 1 ? Number(header.readBigUInt64BE(8)) : short;
    if (size < 8) break;
    if (header.toString('latin1', 4, 8) === 'moov') {
      if (offset + size !== end) break;
      const bytes = Buffer.alloc(size);
      await file.read(bytes, 0, size, offset);
      return { offset, bytes };
    }
    offset += size;
  }
  throw misshapen(path, 'moov last');
}

function parseBoxes(bytes: Buffer): Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    const size = bytes.readUInt32BE(at);
    if (size < 8 || at + size > bytes.length) throw misshapen('', 'plain boxes');
    const type = bytes.toString('latin1', at + 4, at + 8);
    const content = bytes.subarray(at + 8, at + size);
    boxes.push({ type, content: CONTAINERS.has(type) ? parseBoxes(content) : content });
    at += size;
  }
  return boxes;
}

function serialise(box: Box): Buffer {
  const content = Array.isArray(box.content) ? Buffer.concat(box.content.map(serialise)) : box.content;
  const header = Buffer.alloc(8);
  header.writeUInt32BE(content.length + 8, 0);
  header.write(box.type, 4, 'latin1');
  return Buffer.concat([header, content]);
}

function children(box: Box | undefined, type: string): Box[] {
  return Array.isArray(box?.content) ? box.content.filter((child) => child.type === type) : [];
}

function only(box: Box, type: string, path: string): Box {
  const found = children(box, type);
  if (found.length !== 1) throw misshapen(path, `one ${type}`);
  return found[0] as Box;
}

/** `stts`: version and flags, entry count, then (sample count, duration) for each run of equal durations. */
function timeToSample(durations: readonly number[]): Buffer {
  const runs: [count: number, duration: number][] = [];
  for (const duration of durations) {
    const last = runs.at(-1);
    if (last && last[1] === duration) last[0]++;
    else runs.push([1, duration]);
  }
  const content = Buffer.alloc(8 + runs.length * 8);
  content.writeUInt32BE(runs.length, 4);
  runs.forEach(([count, duration], n) => {
    content.writeUInt32BE(count, 8 + n * 8);
    content.writeUInt32BE(duration, 12 + n * 8);
  });
  return content;
}

function sampleCount(stts: Box): number {
  const content = stts.content as Buffer;
  let samples = 0;
  for (let at = 8; at + 8 <= content.length; at += 8) samples += content.readUInt32BE(at);
  return samples;
}

/** `mdhd` version 1: 64-bit times, so that no clock overflows; language `und`. */
function mediaHeader(timescale: number, duration: number): Buffer {
  const content = Buffer.alloc(36);
  content.writeUInt8(1, 0);
  content.writeUInt32BE(timescale, 20);
  content.writeBigUInt64BE(BigInt(duration), 24);
  content.writeUInt16BE(0x55c4, 32);
  return content;
}

function misshapen(path: string, wanted: string): UnderstudyError {
  return new UnderstudyError('SEGMENT_INVALID', `the joined video is not of the shape it was written in: ${wanted}`, {
    details: { path },
  });
}
