import type { AnalysisTable } from '@understudy/contracts';
import { describe, expect, it } from 'vitest';
import { choosePreview } from './choose-preview.js';

type Track = AnalysisTable['tracks'][number];
interface At {
  readonly frame: number;
  readonly x: number;
  readonly size?: number;
  readonly filled?: boolean;
  readonly confidence?: number;
}

function track(number: number, faces: readonly At[]): Track {
  return {
    track: number,
    startFrame: 0,
    endFrame: 100,
    faces: faces.map(({ frame, x, size = 100, filled = false, confidence = 1 }) => ({
      frame,
      landmarks: Array.from({ length: 136 }, () => 0),
      box: { x, y: 200, width: size, height: size },
      filled,
      confidence,
    })),
    uncertainFrames: [],
  };
}
const table = (...tracks: Track[]): AnalysisTable => ({
  format: 'understudy-analysis/1',
  frameCount: 100,
  width: 1920,
  height: 1080,
  tracks,
});

describe('which frame a performer is shown of themselves', () => {
  it('is the largest sure one, with room around the face', () => {
    const faces = [
      { frame: 3, x: 0, size: 50 },
      { frame: 4, x: 500, size: 100 },
      { frame: 5, x: 500, size: 110, confidence: 0.5 },
      { frame: 6, x: 500, size: 400, filled: true },
    ];
    expect(choosePreview(table(track(0, faces)), [0])).toEqual({
      frame: 4,
      crop: { x: 465, y: 165, width: 170, height: 170 },
      cover: [],
    });
  });

  it('is one where nobody else stands in the way, though it is smaller', () => {
    const own = track(0, [
      { frame: 1, x: 500, size: 110 },
      { frame: 2, x: 500 },
    ]);
    const other = track(1, [
      { frame: 1, x: 560 },
      { frame: 2, x: 1500 },
    ]);
    expect(choosePreview(table(own, other), [0])).toMatchObject({ frame: 2, cover: [] });
  });

  it("covers others' whole heads where there is no such frame, and cuts them off where it can", () => {
    const own = track(0, [{ frame: 1, x: 500 }]);
    const other = track(1, [{ frame: 1, x: 650 }]);
    const chosen = choosePreview(table(own, other), [0]);
    expect(chosen?.cover).toEqual([{ x: 605, y: 155, width: 190, height: 190 }]);
    const { x = 0, width = 0 } = chosen?.crop ?? {};
    expect([x, x + width]).toEqual([465, 605]);
  });

  it('is none where they were never found', () => {
    expect(choosePreview(table(track(0, [{ frame: 1, x: 0, filled: true }])), [0])).toBeNull();
    expect(choosePreview(table(track(0, [{ frame: 1, x: 0 }])), [1])).toBeNull();
  });
});
