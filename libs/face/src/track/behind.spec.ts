import type { FaceObservation } from '@understudy/contracts';
import { describe, expect, test } from 'vitest';

import { observe, person } from '../../test/observations.js';
import { framesBehind, shareShown } from './behind.js';
import { linkTracks } from './link.js';
import type { Track } from './track.js';

const ANNA = person(1);
const BERT = person(2);

function link(frameCount: number, faces: (frame: number) => FaceObservation[]): Track[] {
  const frames = Array.from({ length: frameCount }, (_, frame) => faces(frame));
  return linkTracks(frames, { frameCount, width: 1280, height: 720 });
}

const frames = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** Anna walks right, Bert left behind her; he is not seen in `hidden` frames around the 30th. */
function crossing(hidden: number, distance = 0): { anna: Track; bert: Track; tracks: Track[] } {
  const tracks = link(60, (frame) => {
    const anna = observe(frame, { x: 300 + 10 * frame, y: 250 - distance, who: ANNA });
    const bert = observe(frame, { x: 900 - 10 * frame, y: 255 + distance, who: BERT });
    return Math.abs(frame - 30) < hidden ? [anna] : [anna, bert];
  });
  const [anna, bert] = tracks as [Track, Track];
  return anna.faces.some(({ filled }) => filled) ? { anna: bert, bert: anna, tracks } : { anna, bert, tracks };
}

describe('the frames in which a face is behind another', () => {
  test('are those of a crossing in which it was not seen, and never the front one’s', () => {
    const { anna, bert, tracks } = crossing(5);
    expect(bert.faces.filter(({ filled }) => filled).map(({ frame }) => frame)).toEqual(frames(26, 35));
    expect(framesBehind(anna, tracks)).toEqual([]);
    expect(framesBehind(bert, tracks)).toEqual(expect.arrayContaining(frames(26, 35)));
  });

  test('begin when it is partly covered, and end when it no longer is', () => {
    const { bert, tracks } = crossing(3);
    expect(bert.faces.filter(({ filled }) => filled)).toHaveLength(5);
    // Boxes are 100 wide and part by 20 a frame; what is changed reaches out by 20 more: five frames from the middle it touches.
    expect(framesBehind(bert, tracks)).toEqual(frames(25, 36));
  });

  test('are the missed ones alone where two heads lean on each other', () => {
    const tracks = link(60, (frame) => {
      const anna = observe(frame, { x: 300, y: 300, who: ANNA });
      const bert = observe(frame, { x: 390, y: 300, who: BERT });
      return frame === 30 ? [anna] : [anna, bert];
    });
    expect(tracks.map((track) => framesBehind(track, tracks))).toEqual([[], [30]]);
  });

  test('are none where a face was missed with nobody near, or with somebody beside it', () => {
    const alone = link(40, (frame) =>
      frame >= 18 && frame < 21 ? [] : [observe(frame, { x: 300, y: 300, who: ANNA })],
    );
    expect(alone[0]!.faces.filter(({ filled }) => filled)).toHaveLength(3);
    expect(framesBehind(alone[0]!, alone)).toEqual([]);
    const { bert, tracks } = crossing(5, 100);
    expect(bert.faces.filter(({ filled }) => filled)).toHaveLength(9);
    expect(framesBehind(bert, tracks)).toEqual([]);
  });

  test('are not those in which both are seen, however close', () => {
    const tracks = link(40, (frame) => [
      observe(frame, { x: 300, y: 300, who: ANNA }),
      observe(frame, { x: 350, y: 300, who: BERT }),
    ]);
    expect(tracks.map((track) => framesBehind(track, tracks))).toEqual([[], []]);
  });

  test('are the same however the tracks are listed', () => {
    const { bert, tracks } = crossing(5);
    expect(framesBehind(bert, tracks.toReversed())).toEqual(framesBehind(bert, tracks));
  });
});

test('a change fades over three frames before a hidden one and comes back over three', () => {
  const behind = new Set([10, 11]);
  expect(frames(5, 17).map((frame) => shareShown(behind, frame))).toEqual([
    1, 1, 0.75, 0.5, 0.25, 0, 0, 0.25, 0.5, 0.75, 1, 1,
  ]);
  expect(shareShown(new Set(), 3)).toBe(1);
});
