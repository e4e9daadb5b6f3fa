import { describe, expect, it } from 'vitest';
import { type EnrolledFace, findFaceConflict } from './face-match.js';

/** Unit vectors in the plane of the first two numbers: the cosine of two is that of the angle between them. */
function face(performer: string, degrees: number, recogniser = 'r1'): EnrolledFace {
  const embedding = new Float32Array(512);
  embedding[0] = Math.cos((degrees * Math.PI) / 180);
  embedding[1] = Math.sin((degrees * Math.PI) / 180);
  return { performer, sha256: `${performer}-${degrees}`, recogniser, embedding };
}

describe('findFaceConflict', () => {
  it.each([
    ['nobody is known', [face('A', 0)], [], null],
    ['another image of the same performer', [face('A', 60)], [face('A', 0)], null],
    ['a stranger of another name', [face('B', 90)], [face('A', 0)], null],
    ['near one of several enrolled faces', [face('A', 120)], [face('A', 0), face('A', 60)], null],
    ['another model gave the numbers', [face('B', 0, 'r2')], [face('A', 0, 'r1')], null],
    ['the same face, another name', [face('B', 60)], [face('A', 0)], 'enrolled-under-another-name'],
    ['the same face twice, two names', [face('A', 0), face('B', 10)], [], 'enrolled-under-another-name'],
    ['another face, the same name', [face('A', 90)], [face('A', 0)], 'not-this-performer'],
    ['two strangers as one new performer', [face('A', 0), face('A', 90)], [], 'not-this-performer'],
  ])('%s', (_, news, enrolled, kind) => {
    expect(findFaceConflict(news, enrolled)?.kind ?? null).toBe(kind);
  });

  it('takes two faces for one from a cosine of 0.34 on', () => {
    const degrees = (cosine: number): number => (Math.acos(cosine) * 180) / Math.PI;
    expect(findFaceConflict([face('B', degrees(0.341))], [face('A', 0)])).not.toBeNull();
    expect(findFaceConflict([face('B', degrees(0.339))], [face('A', 0)])).toBeNull();
  });
});
