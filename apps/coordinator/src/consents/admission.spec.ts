import { randomUUID } from 'node:crypto';
import type { ConsentStatement } from '@understudy/contracts';
import { describe, expect, it } from 'vitest';
import { admit, type ProjectTerms } from './admission.js';

const NOW = new Date('2026-06-01T00:00:00Z');
const evidence = { document: 'a'.repeat(64), signer: 'P', method: 'paper', at: '2026-01-01T00:00:00Z' };

function statement(changes: Partial<ConsentStatement> = {}, evidenced = true): ConsentStatement {
  return {
    format: 'understudy-consent/1',
    id: randomUUID(),
    issuedAt: '2026-01-01T00:00:00Z',
    scope: {
      project: 'Night train',
      operations: ['replace'],
      validFrom: '2026-01-01T00:00:00Z',
      validUntil: '2026-12-31T00:00:00Z',
    },
    parties: [{ role: 'identity', performer: 'P', faces: [], ...(evidenced ? { evidence } : {}) }],
    level: 'L1',
    ...changes,
  };
}
const deceased = (changes: Partial<ConsentStatement>): ConsentStatement =>
  statement({
    parties: [
      { role: 'identity', performer: 'P', faces: [], protection: { kind: 'deceased', representative: evidence } },
    ],
    ...changes,
  });
const farm: ProjectTerms = { name: 'Night train', profile: 'farm', leastLevel: 'L1' };
const local: ProjectTerms = { ...farm, profile: 'local', leastLevel: 'L0' };

describe('admit', () => {
  it('lets a farm wait for review, waiving nothing', () => {
    expect(admit(statement(), farm, NOW)).toEqual({ level: 'L1', state: 'pending_review', waivers: [] });
  });

  it('lets a local project go on at once, as self-attested whatever the document says', () => {
    const expected = { level: 'L0', state: 'active', waivers: ['notice', 'four_eyes'] };
    expect(admit(statement({ level: 'L0' }, false), local, NOW)).toEqual(expected);
    expect(admit(statement(), local, NOW)).toEqual(expected);
  });

  it('lets level L2 wait for the performer, and counts it as what its evidence shows until then', () => {
    const strict: ProjectTerms = { ...farm, leastLevel: 'L2' };
    const waits = { state: 'pending_signature', waivers: [] };
    expect(admit(statement({ level: 'L2' }), strict, NOW)).toEqual({ level: 'L1', ...waits });
    expect(admit(statement({ level: 'L2' }, false), strict, NOW)).toEqual({ level: 'L0', ...waits });
    expect(admit(statement({ level: 'L2' }), local, NOW).level).toBe('L0');
  });

  it.each([
    ['a signature of somebody else for them', deceased({ level: 'L2' }), farm, 'CONSENT_DOCUMENT_INVALID'],
    ['another project', statement(), { ...farm, name: 'Day train' }, 'CONSENT_OUT_OF_SCOPE'],
    ['a level too low', statement({ level: 'L0' }), farm, 'CONSENT_LEVEL_TOO_LOW'],
    ['a level without evidence', statement({}, false), farm, 'CONSENT_LEVEL_TOO_LOW'],
    [
      'a local project that asks for more than L0',
      statement(),
      { ...local, leastLevel: 'L1' },
      'CONSENT_LEVEL_TOO_LOW',
    ],
  ] as const)('refuses %s', (_, given, project, code) => {
    expect(() => admit(given, project, NOW)).toThrow(expect.objectContaining({ code }));
  });

  it('refuses what has expired, at the instant it does', () => {
    const end = new Date(statement().scope.validUntil);
    expect(() => admit(statement(), farm, end)).toThrow(expect.objectContaining({ code: 'CONSENT_EXPIRED' }));
    expect(admit(statement(), farm, new Date(end.getTime() - 1)).state).toBe('pending_review');
  });
});
