import { FaceObservation } from '@understudy/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { ADA, BEN, drawFrame, truthOf } from '../test/drawn-face.js';
import { openTestModels } from '../test/open-models.js';
import type { FaceAnalyser } from './analyse.js';
import { faceAnalyser } from './analyse.js';
import { intersectionOverUnion } from './detect/non-maximum.js';
import { ZOOM_PERIOD } from './detect/windows.js';
import { linkTracks } from './track/link.js';

let analyser: FaceAnalyser;
beforeAll(async () => {
  analyser = faceAnalyser(await openTestModels());
});
afterAll(() => analyser.release());

const HD = { width: 1280, height: 720, format: 'yuv420p', matrix: 'bt709', range: 'tv' } as const;
const people = [
  { x: 330, y: 300, scale: 1.2, look: ADA },
  { x: 900, y: 320, scale: 1, roll: 15, look: BEN },
];

test('each face of a frame is observed once, as plain JSON', async () => {
  const observations = await analyser.analyseFrame(await drawFrame(people, HD), 12);
  expect(observations).toHaveLength(2);
  for (const observation of observations) {
    expect(FaceObservation.parse(JSON.parse(JSON.stringify(observation)))).toEqual(observation);
    expect(observation.embedding).toBeDefined();
  }
  for (const person of people) {
    const overlaps = observations.map(({ box }) => intersectionOverUnion(box, truthOf(person).box));
    expect(Math.max(...overlaps)).toBeGreaterThan(0.6);
  }
});

test('what is observed depends on the frame and its number alone', async () => {
  const frame = await drawFrame(people, HD);
  const first = await analyser.analyseFrame(frame, 6);
  await analyser.analyseFrame(await drawFrame([], HD), 7);
  expect(await analyser.analyseFrame(frame, 6)).toEqual(first);
});

test('identity is measured by the absolute frame number', async () => {
  const frame = await drawFrame(people, HD);
  for (const [frameNumber, isMeasured] of [
    [0, true],
    [1, false],
    [5, false],
    [6, true],
    [600, true],
  ] as const) {
    const observations = await analyser.analyseFrame(frame, frameNumber);
    expect(observations.every(({ embedding }) => (embedding !== undefined) === isMeasured)).toBe(true);
  }
});

test('a face of 26 pixels is found within a period and linked into one certain track', async () => {
  const small = { x: 300, y: 200, scale: 0.175, look: ADA };
  expect(truthOf(small).box.width).toBeLessThan(27);
  const frame = await drawFrame([small], HD);
  const frames: FaceObservation[][] = [];
  for (let n = 0; n < 3 * ZOOM_PERIOD; n++) frames.push(await analyser.analyseFrame(frame, n));
  const tracks = linkTracks(frames, { frameCount: frames.length, width: HD.width, height: HD.height });
  expect(tracks).toHaveLength(1);
  expect(tracks[0]!.endFrame - tracks[0]!.startFrame).toBeGreaterThan(2 * ZOOM_PERIOD);
  expect(tracks[0]!.uncertainFrames).toEqual([]);
  expect(tracks[0]!.embedding).not.toBeNull();
});

test('a face larger than the frame is found in every frame', async () => {
  const frame = await drawFrame([{ x: 640, y: 310, scale: 6.6, look: ADA }], HD);
  for (const frameNumber of [1, 2]) expect(await analyser.analyseFrame(frame, frameNumber)).toHaveLength(1);
});

test('an empty wall has no faces', async () => {
  expect(await analyser.analyseFrame(await drawFrame([], HD), 0)).toEqual([]);
});

test('blur lowers the sharpness and darkness the light', async () => {
  const [sharp] = await analyser.analyseFrame(await drawFrame(people.slice(0, 1), HD), 1);
  const dim = { ...ADA, skin: '#7a5a48', shade: '#4a3024' };
  const [dark] = await analyser.analyseFrame(await drawFrame([{ ...people[0]!, look: dim }], HD), 1);
  expect(dark!.light!.mean[0]).toBeLessThan(sharp!.light!.mean[0]! - 40);
  const [small] = await analyser.analyseFrame(await drawFrame([{ ...people[0]!, scale: 0.35 }], HD), 1);
  expect(small!.sharpness).toBeLessThan(0.6 * sharp!.sharpness!);
});
