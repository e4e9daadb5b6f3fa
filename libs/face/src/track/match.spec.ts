import { expect, test } from 'vitest';

import { observe, person } from '../../test/observations.js';
import { extendTracks } from './extend.js';
import { linkTracks } from './link.js';
import { matchTracks } from './match.js';

const options = { frameCount: 40, width: 1280, height: 720 };

function tracks() {
  const frames = Array.from({ length: 40 }, (_, frame) => [
    observe(frame, { x: 200 + 2 * frame, y: 300, who: person(1) }),
    ...(frame < 30 ? [observe(frame, { x: 800, y: 300, who: person(2) })] : []),
  ]);
  return linkTracks(frames, options);
}

test('each track is matched to the person it shows, strangers to nobody', () => {
  const found = matchTracks(tracks(), [
    { id: 'second', embedding: person(2) },
    { id: 'absent', embedding: person(9) },
  ]);
  expect(found.map(({ reference }) => reference)).toEqual([null, 'second']);
  expect(found[1]!.cosine).toBeCloseTo(1, 3);
  expect(found[0]!.cosine).toBeLessThan(0.34);
});

test('nobody is in two tracks of the same frame', () => {
  const [first, second] = tracks();
  const twins = [first!, { ...second!, embedding: first!.embedding }];
  const found = matchTracks(twins, [{ id: 'one', embedding: person(1) }]);
  expect(found.map(({ reference }) => reference)).toEqual(['one', null]);
});

test('a track is prolonged within the clip and up to a cut, moving on', () => {
  const [, second] = tracks();
  const [longer] = extendTracks([second!], 6, options);
  expect([longer!.startFrame, longer!.endFrame]).toEqual([0, 36]);
  expect(longer!.faces.slice(30).every(({ filled }) => filled)).toBe(true);
  const [first] = extendTracks([{ ...tracks()[0]!, endFrame: 20, faces: tracks()[0]!.faces.slice(0, 20) }], 4, options);
  expect(first!.faces[23]!.box.x - first!.faces[19]!.box.x).toBeCloseTo(8, 1);
  const [cut] = extendTracks([second!], 6, { ...options, sceneCuts: [33] });
  expect(cut!.endFrame).toBe(33);
});
