import { expect, test } from 'vitest';

import { operationOfPackProcessor, PackProcessor } from './pack-processors.js';

test('a swap and a restoration have defaults for all but their packs', () => {
  expect(PackProcessor.parse({ type: 'swap', settings: { swapper: { id: 'ghost_1_256' } } }).settings).toEqual({
    swapper: { id: 'ghost_1_256' },
    strength: 1,
    morph: 1,
    feather: 0.12,
    shape: 'hull',
  });
  const restore = PackProcessor.parse({ type: 'restore', settings: { restorer: { id: 'gfpgan_1.4', version: '2' } } });
  expect(restore.settings).toMatchObject({ strength: 0.8, weight: 0.5, restorer: { id: 'gfpgan_1.4', version: '2' } });
  expect(restore.settings).toMatchObject({ maxDrift: 0.1, shape: 'hull' });
  const filters = PackProcessor.parse({ type: 'restore' });
  expect(filters.settings).toMatchObject({ restorer: { id: 'classical' }, sharpness: 1.2 });
});

test.each([
  { type: 'swap', settings: {} },
  { type: 'swap', settings: { swapper: { id: '../secret' } } },
  { type: 'swap', settings: { swapper: { id: 'a' }, strength: 2 } },
  { type: 'restore', settings: { restorer: { id: 'a', version: '../b' } } },
  { type: 'restore', settings: { restorer: { id: 'a' }, maxDrift: -1 } },
])('%j is refused', (processor) => {
  expect(PackProcessor.safeParse(processor).success).toBe(false);
});

test('a swap needs consent to replace, a restoration consent to restore', () => {
  const operations = [
    { type: 'swap', settings: { swapper: { id: 'a' } } },
    { type: 'restore', settings: { restorer: { id: 'a' } } },
  ].map((processor) => operationOfPackProcessor(PackProcessor.parse(processor)));
  expect(operations).toEqual(['replace', 'restore']);
});
