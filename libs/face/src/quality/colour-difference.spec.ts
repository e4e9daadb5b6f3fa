import { expect, test } from 'vitest';

import { ciede2000, type Lab } from './colour-difference.js';

/** Of the supplementary test data of Sharma, Wu and Dalal (2005). */
const PUBLISHED: readonly (readonly [Lab, Lab, number])[] = [
  [[50, 2.6772, -79.7751], [50, 0, -82.7485], 2.0425],
  [[50, 3.1571, -77.2803], [50, 0, -82.7485], 2.8615],
  [[50, 2.5, 0], [50, 0, -2.5], 4.3065],
  [[50, 2.5, 0], [73, 25, -18], 27.1492],
  [[60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644],
  [[2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514], 0.9082],
];

test.each(PUBLISHED)('%j and %j differ by %d', (first, second, difference) => {
  expect(ciede2000(first, second)).toBeCloseTo(difference, 4);
  expect(ciede2000(second, first)).toBeCloseTo(difference, 4);
});

test('a colour does not differ from itself', () => {
  expect(ciede2000([40, 10, -20], [40, 10, -20])).toBe(0);
});
