import { crc32 } from 'node:zlib';
import type { AnalysisTable } from '@understudy/contracts';
import { describe, expect, it } from 'vitest';
import { sampleOutput } from './sample-output.js';
import { unlikeAnyOther } from './unlike-any-other.js';

type Track = AnalysisTable['tracks'][number];
function track(number: number, x: number, more: { filled?: number[]; uncertain?: number[] } = {}): Track {
  const { filled = [], uncertain = [] } = more;
  return {
    ...{ track: number, startFrame: 0, endFrame: 10, uncertainFrames: uncertain },
    faces: Array.from({ length: 10 }, (_, frame) => ({
      ...{ frame, confidence: 1, filled: filled.includes(frame), landmarks: Array.from({ length: 136 }, () => 0) },
      box: { x, y: 100, width: 100, height: 100 },
    })),
  };
}
const table = (...tracks: Track[]): AnalysisTable => ({
  ...{ format: 'understudy-analysis/1', frameCount: 10, width: 1920, height: 1080, tracks },
});
function counting(...numbers: number[]): () => number {
  let at = -1;
  return () => numbers[(at += 1) % numbers.length] ?? 0;
}

describe('which faces of a delivery are looked at', () => {
  const cast = [{ cast: 0, tracks: [0] }];

  it('is two of each member and of those covered, at frames by chance, never one twice', () => {
    const faces = { cast, covered: [1] };
    const found = sampleOutput(table(track(0, 0), track(1, 900)), faces, counting(0, 0.999));
    expect(found.map(({ frame, track: of, cast: member }) => [member, of, frame])).toEqual([
      [0, 0, 0],
      [0, 0, 9],
      [null, 1, 0],
      [null, 1, 9],
    ]);
    const { width = 0, ...corner } = found[0]?.crop ?? {};
    expect(width).toBeCloseTo(220);
    expect(corner).toMatchObject({ x: -60, y: 40 });
  });

  it('is no face that was guessed, that is uncertain, or that another head hides', () => {
    const hidden = table(track(0, 0), track(1, 40));
    expect(sampleOutput(hidden, { cast, covered: [] }, Math.random)).toEqual([]);
    const few = table(track(0, 0, { filled: [0, 1, 2, 3, 4], uncertain: [5, 6, 7, 8] }));
    expect(sampleOutput(few, { cast, covered: [] }, Math.random).map(({ frame }) => frame)).toEqual([9]);
  });

  it('covers heads that reach into the picture', () => {
    const [sample] = sampleOutput(table(track(0, 0), track(1, 140)), { cast, covered: [] }, Math.random);
    expect(sample?.cover).toEqual([{ x: 120, y: 80, width: 140, height: 140 }]);
  });

  it('is as many of what a version rendered anew as of what it took over', () => {
    const anew = { startFrame: 4, endFrame: 7 };
    const found = sampleOutput(table(track(0, 0)), { cast, covered: [], anew }, counting(0, 0.999));
    expect(found.map(({ frame }) => frame)).toEqual([4, 6, 0, 9]);
    const unseen = table(track(0, 0, { filled: [4, 5, 6] }));
    expect(sampleOutput(unseen, { cast, covered: [], anew }, counting(0, 0.999)).map(({ frame }) => frame)).toEqual([
      0, 9,
    ]);
  });

  it('is six at most', () => {
    const tracks = Array.from({ length: 8 }, (_, n) => track(n, n * 220));
    const many = tracks.map(({ track: number }) => ({ cast: number, tracks: [number] }));
    expect(sampleOutput(table(...tracks), { cast: many, covered: [] }, Math.random)).toHaveLength(6);
  });
});

it('makes of equal pictures unequal files, by a chunk that every reader skips', () => {
  const end = Buffer.from([0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82]);
  const png = Buffer.concat([Buffer.from('head'), end]);
  const made = unlikeAnyOther(png, 'abc');
  expect(made.subarray(-12)).toEqual(end);
  const chunk = made.subarray(4, -12);
  expect(chunk.readUInt32BE(0)).toBe(chunk.length - 12);
  expect(chunk.readUInt32BE(chunk.length - 4)).toBe(crc32(chunk.subarray(4, -4)));
  expect(unlikeAnyOther(png)).not.toEqual(unlikeAnyOther(png));
});
