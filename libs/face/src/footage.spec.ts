import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { FaceObservation } from '@understudy/contracts';
import type { Frame, FrameSpec } from '@understudy/frame';
import { frameByteLength, wrapFrame } from '@understudy/frame';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { openTestModels } from '../test/open-models.js';
import type { FaceModels } from './analyse.js';
import { faceAnalyser } from './analyse.js';
import { facesOfImage } from './enrol/faces-of-image.js';
import { cosine } from './identity/cosine.js';
import { decodeEmbedding } from './identity/embedding-text.js';
import { linkTracks } from './track/link.js';
import type { Track } from './track/track.js';

const FOOTAGE = fileURLToPath(new URL('../../../../shared/footage', import.meta.url));
const CLIPS = [
  { file: 'plate-a-1280x720.mp4', width: 1280, height: 720 },
  { file: 'plate-b-480x908.mp4', width: 480, height: 908 },
  { file: 'plate-c-1280x720.mp4', width: 1280, height: 720 },
];
const FRAMES = 36;

/** The first frames of a clip, or an image as one. */
async function decode(file: string, spec: FrameSpec, frameCount: number): Promise<Frame[]> {
  const format = spec.format;
  const args = ['-v', 'error', '-i', `${FOOTAGE}/${file}`, '-frames:v', `${frameCount}`];
  const child = spawn('ffmpeg', [...args, '-vf', `format=${format}`, '-f', 'rawvideo', '-'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const length = frameByteLength(spec);
  return Array.from({ length: bytes.length / length }, (_, n) =>
    wrapFrame(spec, new Uint8Array(bytes.subarray(n * length, (n + 1) * length))),
  );
}

const isThere = existsSync(FOOTAGE);
if (!isThere) console.warn('real footage: skipped, ../shared/footage is absent');

describe.skipIf(!isThere)('real footage', () => {
  let models: FaceModels;
  const tracks: Track[] = [];
  const portraits: Float32Array[] = [];

  beforeAll(async () => {
    models = await openTestModels();
    const analyser = faceAnalyser(models);
    for (const { file, width, height } of CLIPS) {
      const spec: FrameSpec = { width, height, format: 'yuv420p', matrix: 'bt709', range: 'tv' };
      const frames: FaceObservation[][] = [];
      for (const frame of await decode(file, spec, FRAMES))
        frames.push(await analyser.analyseFrame(frame, frames.length));
      tracks.push(...linkTracks(frames, { frameCount: FRAMES, width, height }));
    }
    for (const [name, width, height] of [
      ['a', 600, 704],
      ['b', 564, 729],
      ['c', 720, 720],
      ['d', 720, 1280],
    ] as const) {
      const spec: FrameSpec = { width, height, format: 'gbrp', matrix: 'gbr', range: 'pc' };
      const [image] = await decode(`portrait-${name}.jpg`, spec, 1);
      const faces = await facesOfImage(models, image!);
      expect(faces).toHaveLength(1);
      portraits.push(decodeEmbedding(faces[0]!.embedding!));
    }
  }, 300_000);
  afterAll(() => models.release());

  test('each clip holds one track over all frames, without doubt and without a gap', () => {
    expect(tracks.map(({ startFrame, endFrame }) => [startFrame, endFrame])).toEqual(CLIPS.map(() => [0, FRAMES]));
    for (const { uncertainFrames, faces } of tracks) {
      expect(uncertainFrames).toEqual([]);
      expect(faces.filter(({ filled }) => filled)).toEqual([]);
    }
  });

  test('seven persons are strangers to each other', () => {
    const all = [...tracks.map(({ embedding }) => embedding!), ...portraits];
    for (const [i, one] of all.entries()) {
      for (const other of all.slice(i + 1)) expect(cosine(one, other)).toBeLessThan(0.335);
    }
  });
});
