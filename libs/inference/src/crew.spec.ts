import { expect, it } from 'vitest';

import { crewOf } from './crew.js';

it.each([
  ['cpu', 1, { size: 1, threads: 1 }],
  ['cpu', 2, { size: 2, threads: 1 }],
  ['cpu', 7, { size: 4, threads: 1 }],
  ['cpu', 16, { size: 4, threads: 4 }],
  // A card computes for one thread at a time.
  ['cuda', 8, { size: 1, threads: 8 }],
  ['webgpu', 2, { size: 1, threads: 2 }],
] as const)('a lane of %s with %i threads computes on %o', (provider, threads, crew) => {
  expect(crewOf({ provider, threads })).toEqual(crew);
});
