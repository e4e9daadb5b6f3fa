import type { ConsentScope } from '@understudy/contracts';
import { describe, expect, it } from 'vitest';
import { scopeInWords } from './scope-words.js';

const scope: ConsentScope = {
  project: 'Night train',
  operations: ['replace'],
  validFrom: '2026-01-10T09:00:00Z',
  validUntil: '2026-12-31T00:00:00Z',
};

describe('a scope in plain words', () => {
  it('says whose face goes where, in what, and until when', () => {
    expect(scopeInWords('identity', scope)).toEqual([
      "Your face may be put in place of another performer's.",
      'In every shot of “Night train”.',
      'From 2026-01-10 until 2026-12-31.',
    ]);
    expect(scopeInWords('plate', scope)[0]).toBe("Your face may be replaced by another performer's.");
  });

  it('leaves out no limit that the scope names', () => {
    const sha = 'a'.repeat(64);
    const limits = {
      shots: ['010', '020'],
      plates: [sha],
      identityAssets: [sha, sha],
      intendedUse: 'the flashback',
      prohibitedUses: ['advertising', 'nudity'],
      territories: ['EU'],
      media: ['cinema'],
      maxFrames: 240,
    };
    const words = scopeInWords('identity', { ...scope, ...limits }).join('\n');
    const said = ['“010”, “020”', '1 named clip.', '2 named pictures', 'the flashback', 'advertising; nudity'];
    for (const limit of [...said, 'EU', 'cinema', '240']) expect(words).toContain(limit);
    expect(words).not.toContain('every shot');
  });
});
