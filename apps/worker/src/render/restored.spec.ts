import { RestoreProcessor } from '@understudy/contracts';
import { expect, test } from 'vitest';

import type { CastTrack } from './cast-tracks.js';
import { type BoundedTrack, restoredAt, restoredTracks } from './restored.js';

const overrides = [{ frames: { startFrame: 14, endFrame: 16 }, settings: { strength: 0.2 } }];
const PROCESSOR = RestoreProcessor.parse({ type: 'restore', settings: { strength: 0.8 }, overrides });

/** A track of the frames 10 .. 19, shown by this share in each. */
function member(cast: number, number: number, shareAt: (frameNumber: number) => number = () => 1): CastTrack {
  const faces = Array.from({ length: 10 }, (_, i) => {
    const box = { x: 0, y: 0, width: 1, height: 1 };
    return { frame: 10 + i, landmarks: [i, i], box, filled: false, confidence: 1 };
  });
  return {
    cast,
    track: { track: number, startFrame: 10, endFrame: 20, uncertainFrames: [], faces },
    shownAt(frameNumber) {
      const face = faces[frameNumber - 10];
      const share = shareAt(frameNumber);
      return face === undefined || share === 0 ? undefined : { face, share };
    },
  };
}

const turnedDown: BoundedTrack = { member: member(0, 3), bound: { strength: 0.5, drift: 0.09 } };
const whole: BoundedTrack = { member: member(1, 4), bound: { strength: 0.8, drift: 0.02 } };

test('tells what was asked for and what was used of it, in the frames of a range', () => {
  expect(restoredAt(PROCESSOR, turnedDown, 13)).toEqual({ landmarks: [3, 3], asked: 0.8, strength: 0.5 });
  expect(restoredAt(PROCESSOR, turnedDown, 14)).toEqual({ landmarks: [4, 4], asked: 0.2, strength: 0.2 });
  expect(restoredTracks(PROCESSOR, [turnedDown, whole], 0, 16)).toEqual([
    {
      track: 3,
      cast: 0,
      frames: 6,
      meanAsked: expect.closeTo((4 * 0.8 + 2 * 0.2) / 6, 9),
      meanStrength: expect.closeTo((4 * 0.5 + 2 * 0.2) / 6, 9),
      minStrength: 0.2,
      worstDrift: 0.09,
    },
    expect.objectContaining({ track: 4, cast: 1, meanStrength: expect.closeTo((4 * 0.8 + 2 * 0.2) / 6, 9) }),
  ]);
});

test('does not count frames in which another face is in front, and counts by their share those in which it comes back', () => {
  const share = (frameNumber: number) => (frameNumber < 17 ? 0 : frameNumber === 17 ? 0.5 : 1);
  const hidden: BoundedTrack = { member: member(0, 3, share), bound: { strength: 0.4, drift: 0.05 } };
  expect(restoredAt(PROCESSOR, hidden, 16)).toBeUndefined();
  expect(restoredAt(PROCESSOR, hidden, 17)).toEqual({ landmarks: [7, 7], asked: 0.4, strength: 0.2 });
  expect(restoredTracks(PROCESSOR, [hidden], 10, 17)).toEqual([]);
  expect(restoredTracks(PROCESSOR, [hidden], 10, 20)).toMatchObject([
    {
      frames: 3,
      meanAsked: expect.closeTo((0.4 + 2 * 0.8) / 3, 9) as number,
      meanStrength: expect.closeTo((0.2 + 2 * 0.4) / 3, 9) as number,
      minStrength: 0.2,
    },
  ]);
});

test('says nothing of tracks that are not in the range, or not to be restored', () => {
  expect(restoredTracks(PROCESSOR, [turnedDown], 0, 10)).toEqual([]);
  expect(restoredTracks(PROCESSOR, [turnedDown], 20, 30)).toEqual([]);
  const none = RestoreProcessor.parse({ type: 'restore', settings: { strength: 0 } });
  expect(restoredTracks(none, [turnedDown], 0, 30)).toEqual([]);
  const nothingHolds = { ...turnedDown, bound: { strength: 0, drift: 0 } };
  expect(restoredTracks(PROCESSOR, [nothingHolds], 10, 14)).toMatchObject([{ frames: 4, meanStrength: 0 }]);
});
