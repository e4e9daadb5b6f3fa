import { describe, expect, it } from 'vitest';

import { invent } from './archetypes.js';
import { FIRST, THIRD } from './cast.js';
import { morph } from './person.js';
import { drawGroup, drawPortrait, pngOf } from './still.js';

describe('people', () => {
  it('are the same for the same seed and differ for another', () => {
    expect(invent('youngMan', 5)).toEqual(invent('youngMan', 5));
    expect(invent('youngMan', 5).shape).not.toEqual(invent('youngMan', 6).shape);
  });

  it('morph from one to the other', () => {
    expect(morph(FIRST, THIRD, 0).shape).toEqual(FIRST.shape);
    expect(morph(FIRST, THIRD, 1).shape).toEqual(THIRD.shape);
    const half = morph(FIRST, THIRD);
    expect(half.shape.noseHalf).toBeCloseTo((FIRST.shape.noseHalf + THIRD.shape.noseHalf) / 2);
    expect(half.tones.skin[0]).toBeCloseTo((FIRST.tones.skin[0] + THIRD.tones.skin[0]) / 2);
  });
});

describe('stills', () => {
  it('show one face in a portrait, as large as asked for, the same each time', async () => {
    const [one, again] = [await drawPortrait(FIRST, {}, 512), await drawPortrait(FIRST, {}, 512)];
    expect(one.picture).toMatchObject({ width: 512, height: 512 });
    expect(one.faces).toHaveLength(1);
    expect(Buffer.compare(one.picture.data, again.picture.data)).toBe(0);
    expect((await pngOf(one.picture)).subarray(1, 4).toString()).toBe('PNG');
  });

  it('show two people side by side, or nobody', async () => {
    const two = await drawGroup([{ person: FIRST }, { person: THIRD }], 640, 360);
    const [left, right] = two.faces.map(({ box }) => box);
    expect((left?.x ?? 0) + (left?.width ?? 0)).toBeLessThan(right?.x ?? 0);
    expect((await drawGroup([], 320, 180)).faces).toEqual([]);
  });
});
