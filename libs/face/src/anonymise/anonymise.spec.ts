import type { Frame, FrameSpec } from '@understudy/frame';
import { PIXEL_FORMATS, allocateFrame, planeGeometry } from '@understudy/frame';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { ADA, type Placement, drawFrame, truthOf } from '../../test/drawn-face.js';
import { random } from '../../test/observations.js';
import { openTestModels } from '../../test/open-models.js';
import type { FaceModels } from '../analyse.js';
import { observeFace } from '../analyse.js';
import { wholeWindows, windowsOfFrame } from '../detect/windows.js';
import { cosine } from '../identity/cosine.js';
import { decodeEmbedding } from '../identity/embedding-text.js';
import { anonymiseFrame } from './anonymise.js';
import { coverAt, headRegion } from './head-region.js';

const STYLES = ['blur', 'pixelate', 'solid'] as const;
const margin = 0.25;
let models: FaceModels;
beforeAll(async () => {
  models = await openTestModels();
});
afterAll(() => models.release());

const copyOf = (frame: Frame): Frame => {
  const copy = allocateFrame(frame.spec);
  copy.bytes.set(frame.bytes);
  return copy;
};

function texture(spec: FrameSpec): Frame {
  const frame = allocateFrame(spec);
  const next = random(11);
  const top = frame.planes[0].samples instanceof Uint8Array ? 256 : 1024;
  for (const { samples } of frame.planes)
    for (let i = 0; i < samples.length; i++) samples[i] = Math.floor(next() * top);
  return frame;
}

async function faceOf(frame: Frame) {
  const { width, height } = frame.spec;
  const [face] = await models.detector.detect(frame, wholeWindows(width, height), 0.5);
  if (face === undefined) throw new Error('the drawn face is not found');
  return observeFace(models, frame, face, true);
}

describe('outside the heads every sample stays, inside all change', () => {
  for (const format of PIXEL_FORMATS) {
    for (const style of STYLES) {
      test(`${style} in ${format}`, async () => {
        const face = await faceOf(await drawFrame([{ x: 310, y: 215, scale: 0.8, roll: 20, look: ADA }]));
        const matrix = format.startsWith('gbrp') ? 'gbr' : 'bt709';
        const before = texture({ width: 640, height: 480, format, matrix, range: 'tv' });
        const after = copyOf(before);
        anonymiseFrame(after, [face], { style, margin });
        const region = headRegion(face, margin);
        let [outside, inside, changed] = [0, 0, 0];
        before.planes.forEach((plane, index) => {
          const { scaleX, scaleY, shiftX, shiftY } = planeGeometry(before, index as 0 | 1 | 2);
          plane.samples.forEach((sample, i) => {
            const [column, row] = [i % plane.width, Math.floor(i / plane.width)];
            const share = coverAt(region, (column + 0.5 - shiftX) / scaleX, (row + 0.5 - shiftY) / scaleY);
            const isSame = after.planes[index]!.samples[i] === sample;
            if (share === 0 && !isSame) outside++;
            if (share === 1) inside++;
            if (share === 1 && !isSame) changed++;
          });
        });
        expect(outside).toBe(0);
        // Of random samples a few meet the cover's own value.
        expect(changed / inside).toBeGreaterThan(0.97);
      });
    }
  }
});

const PLACES: readonly [string, Placement][] = [
  ['upright', { x: 320, y: 210, scale: 1, look: ADA }],
  ['tilted', { x: 320, y: 230, scale: 1, roll: 35, look: ADA }],
  ['speaking', { x: 320, y: 210, scale: 1, mouth: 1, look: ADA }],
  ['small', { x: 200, y: 120, scale: 0.2, look: ADA }],
  ['at the edge', { x: 40, y: 210, scale: 0.8, look: ADA }],
];

for (const [name, placement] of PLACES) {
  test(`covers at least 99 % of the true face box: ${name}`, async () => {
    const frame = await drawFrame([placement]);
    const { width, height } = frame.spec;
    const windows = Array.from({ length: 6 }, (_, turn) => windowsOfFrame(width, height, 24, turn)).flat();
    const [detection] = await models.detector.detect(frame, windows, 0.5);
    const region = headRegion(await observeFace(models, frame, detection!, false), margin);
    const { box } = truthOf(placement);
    let [covered, all] = [0, 0];
    for (let y = Math.max(0, box.y); y < Math.min(height, box.y + box.height); y++) {
      for (let x = Math.max(0, box.x); x < Math.min(width, box.x + box.width); x++) {
        all++;
        if (coverAt(region, x, y) === 1) covered++;
      }
    }
    expect(covered / all).toBeGreaterThanOrEqual(0.99);
  });
}

for (const style of STYLES) {
  test(`${style} leaves neither the person nor a face`, async () => {
    const frame = await drawFrame([{ x: 320, y: 220, scale: 1, look: ADA }]);
    const face = await faceOf(frame);
    anonymiseFrame(frame, [face], { style, margin });
    const left = await models.embedder.embed(frame, face.landmarks);
    expect(cosine(left, decodeEmbedding(face.embedding!))).toBeLessThan(0.34);
    expect(await models.detector.detect(frame, wholeWindows(640, 480), 0.5)).toEqual([]);
  });
}

test('a head half outside the frame is covered without error', async () => {
  const face = await faceOf(await drawFrame([{ x: 320, y: 220, scale: 1, look: ADA }]));
  const shifted = {
    landmarks: face.landmarks.map((value, i) => (i % 2 === 0 ? value - 340 : value - 200)),
    box: { ...face.box, x: face.box.x - 340, y: face.box.y - 200 },
  };
  for (const style of STYLES) {
    const frame = texture({ width: 641, height: 479, format: 'yuv420p', matrix: 'bt709', range: 'tv' });
    const before = frame.planes[0].samples.slice();
    anonymiseFrame(frame, [shifted], { style, margin });
    expect(frame.planes[0].samples[10 * 641 + 10]).not.toBe(before[10 * 641 + 10]);
    expect(frame.planes[0].samples[470 * 641 + 600]).toBe(before[470 * 641 + 600]);
  }
});
