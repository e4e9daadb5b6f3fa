import type { FaceObservation } from '@understudy/contracts';
import { describe, expect, test } from 'vitest';

import { observe, person } from '../../test/observations.js';
import { centre } from './geometry.js';
import { linkTracks } from './link.js';

const ANNA = person(1);
const BERT = person(2);

function clip(frameCount: number, faces: (frame: number) => FaceObservation[]) {
  return {
    frames: Array.from({ length: frameCount }, (_, frame) => faces(frame)),
    options: { frameCount, width: 1280, height: 720 },
  };
}

const link = ({ frames, options }: ReturnType<typeof clip>, more = {}) => linkTracks(frames, { ...options, ...more });

describe('linkTracks', () => {
  test('follows two moving faces from the first to the last frame', () => {
    const tracks = link(
      clip(60, (frame) => [
        observe(frame, { x: 200 + 3 * frame, y: 300, who: ANNA }),
        observe(frame, { x: 900 - 2 * frame, y: 320, who: BERT }),
      ]),
    );
    expect(tracks.map(({ startFrame, endFrame }) => [startFrame, endFrame])).toEqual([
      [0, 60],
      [0, 60],
    ]);
    for (const track of tracks) {
      expect(track.faces.map(({ frame }) => frame)).toEqual(Array.from({ length: 60 }, (_, i) => i));
      expect(track.uncertainFrames).toEqual([]);
    }
  });

  test('fills a short gap on the way between and marks it, without doubt', () => {
    const [track, ...others] = link(
      clip(40, (frame) =>
        frame >= 18 && frame < 21 ? [] : [observe(frame, { x: 200 + 4 * frame, y: 300, who: ANNA })],
      ),
    );
    expect(others).toEqual([]);
    expect(track!.faces.filter(({ filled }) => filled).map(({ frame }) => frame)).toEqual([18, 19, 20]);
    for (const { frame, landmarks } of track!.faces) {
      expect(centre(landmarks)[0]).toBeCloseTo(200 + 4 * frame + centre(observe(0, { x: 0, y: 0 }).landmarks)[0], 0);
    }
    expect(track!.uncertainFrames).toEqual([]);
  });

  test('reports the frames of a long gap as uncertain', () => {
    const [track] = link(
      clip(60, (frame) => (frame >= 20 && frame < 35 ? [] : [observe(frame, { x: 400, y: 300, who: ANNA })])),
    );
    expect(track!.endFrame).toBe(60);
    expect(track!.uncertainFrames).toEqual(Array.from({ length: 15 }, (_, i) => 20 + i));
  });

  test('keeps identities through a crossing in which one hides the other', () => {
    // Anna walks right, Bert left; around frame 30 only the front one is seen, and the places swap.
    const tracks = link(
      clip(60, (frame) => {
        const anna = observe(frame, { x: 300 + 10 * frame, y: 300, who: ANNA });
        const bert = observe(frame, { x: 900 - 10 * frame, y: 305, who: BERT });
        return Math.abs(frame - 30) < 5 ? [anna] : [anna, bert];
      }),
    );
    expect(tracks).toHaveLength(2);
    for (const track of tracks) {
      const [first, last] = [centre(track.faces[0]!.landmarks)[0], centre(track.faces.at(-1)!.landmarks)[0]];
      const isAnna = first < 600;
      expect(last).toBeCloseTo((isAnna ? 890 : 310) + (first - (isAnna ? 300 : 900)), -1);
    }
  });

  test('keeps identities when two faces meet and turn back', () => {
    // They meet at frame 30 and go back where they came from: by motion alone they would swap.
    const tracks = link(
      clip(60, (frame) => {
        const way = frame < 30 ? frame : 60 - frame;
        const anna = observe(frame, { x: 300 + 9.5 * way, y: 300, who: ANNA });
        const bert = observe(frame, { x: 900 - 9.5 * way, y: 302, who: BERT });
        return [anna, bert];
      }),
    );
    const starts = tracks.map(({ faces }) => Math.round(centre(faces[0]!.landmarks)[0] / 100));
    const ends = tracks.map(({ faces }) => Math.round(centre(faces.at(-1)!.landmarks)[0] / 100));
    expect(tracks).toHaveLength(2);
    expect(ends).toEqual(starts);
  });

  test('starts a new track where another person appears in the same place after a cut', () => {
    const cut = clip(60, (frame) => [
      observe(frame, frame < 31 ? { x: 400, y: 300, who: ANNA } : { x: 418, y: 306, who: BERT }),
    ]);
    expect(link(cut).map(({ startFrame, endFrame }) => [startFrame, endFrame])).toEqual([
      [0, 31],
      [31, 60],
    ]);
  });

  test('stays one track while a head turns away and back and is not like itself meanwhile', () => {
    const tracks = link(
      clip(90, (frame) => [
        observe(frame, { x: 400 + frame, y: 300, who: frame > 35 && frame < 60 ? person(7) : ANNA }),
      ]),
    );
    expect(tracks.map(({ startFrame, endFrame }) => [startFrame, endFrame])).toEqual([[0, 90]]);
  });

  test('starts a new track where the face jumps away, and where a cut is announced', () => {
    const jump = clip(40, (frame) => [observe(frame, { x: frame < 20 ? 300 : 900, y: 300, who: ANNA })]);
    expect(link(jump)).toHaveLength(2);
    const still = clip(40, (frame) => [observe(frame, { x: 300, y: 300, who: ANNA })]);
    expect(link(still)).toHaveLength(1);
    expect(link(still, { sceneCuts: [20] })).toHaveLength(2);
  });

  test('drops a weak flicker and one that the landmark model sees no face in', () => {
    const tracks = link(
      clip(60, (frame) => [
        observe(frame, { x: 400, y: 300, who: ANNA }),
        ...(frame > 20 && frame < 24 ? [observe(frame, { x: 900, y: 500, score: 0.72 })] : []),
        ...(frame > 30 && frame < 50 ? [observe(frame, { x: 1100, y: 500, score: 0.9, spread: 0.3 })] : []),
      ]),
    );
    expect(tracks).toHaveLength(1);
  });

  test('keeps a small face that is looked for in every sixth frame only', () => {
    const [track] = link(
      clip(60, (frame) => (frame % 6 === 4 ? [observe(frame, { x: 300 + frame, y: 300, size: 24, score: 0.93 })] : [])),
    );
    expect([track!.startFrame, track!.endFrame]).toEqual([4, 59]);
    expect(track!.uncertainFrames).toEqual([]);
  });

  test('interpolates over covered frames and reports them', () => {
    const [track] = link(
      clip(40, (frame) => [
        frame === 15 || frame === 16
          ? observe(frame, { x: 425, y: 325, spread: 0.2, score: 0.7 })
          : observe(frame, { x: 400, y: 300, who: ANNA }),
      ]),
    );
    expect(track!.uncertainFrames).toEqual([15, 16]);
    expect(track!.faces[15]!.filled).toBe(true);
    expect(centre(track!.faces[15]!.landmarks)[1]).toBeCloseTo(centre(track!.faces[10]!.landmarks)[1], 0);
  });

  test('gives the same tracks for the same faces in any order within a frame', () => {
    const forth = clip(30, (frame) => [
      observe(frame, { x: 300 + frame, y: 300, who: ANNA }),
      observe(frame, { x: 800, y: 300 + frame, who: BERT }),
    ]);
    const back = { ...forth, frames: forth.frames.map((faces) => faces.toReversed()) };
    expect(link(back)).toEqual(link(forth));
  });

  test('refuses a clip with missing frames', () => {
    expect(() => linkTracks([[]], { frameCount: 2, width: 10, height: 10 })).toThrow(RangeError);
  });
});
