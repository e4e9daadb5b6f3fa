import { readFile } from 'node:fs/promises';

import { expect, test } from 'vitest';

/** Everything that a source file pulls in at run time, followed through relative imports. */
async function loaded(file: URL, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(file.href)) return seen;
  seen.add(file.href);
  const source = await readFile(file, 'utf8');
  for (const [, type, target] of source.matchAll(/^(?:import|export) (type )?[^;]*?from '([^']+)';/gms)) {
    if (type !== undefined) continue;
    if (target!.startsWith('.')) await loaded(new URL(target!.replace(/\.js$/, '.ts'), file), seen);
    else seen.add(target!);
  }
  return seen;
}

test('tracks need no model, no runtime and no other package at run time', async () => {
  const all = await loaded(new URL('index.ts', import.meta.url));
  expect([...all].filter((one) => !one.startsWith('file:'))).toEqual([]);
  expect(all.size).toBeGreaterThan(8);
});
