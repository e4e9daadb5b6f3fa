import { CONSENT_REASONS, type ConsentReason } from '@understudy/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConsentFacts, type ConsentRequest, evaluateConsent, evaluateConsents } from './evaluate.js';

const PERFORMER = '5a0fdb3a-6a3c-4f0e-9d53-0d6a5dc3f8a1';
const OTHER = '6b5c4f9e-1f3b-4c44-8e0e-4f7a5dc3f8a2';
const HASH = 'a'.repeat(64);
const FOREIGN_HASH = 'b'.repeat(64);
const NOW = new Date('2026-06-15T12:00:00Z');

const consent: ConsentFacts = {
  id: '0d6a5dc3-0000-4000-8000-000000000001',
  performerId: PERFORMER,
  role: 'identity',
  state: 'active',
  level: 'L1',
  scope: {
    project: 'Harbour',
    operations: ['replace'],
    validFrom: '2026-06-01T00:00:00Z',
    validUntil: '2026-07-01T00:00:00Z',
  },
  holds: [],
  noticeElapsesAt: null,
  noticeWaived: false,
  altered: false,
};

const request: ConsentRequest = {
  performerId: PERFORMER,
  role: 'identity',
  project: { name: 'Harbour', leastLevel: 'L1' },
  shotName: 'sc010_sh020',
  operations: ['replace'],
  plateSha256: HASH,
  identitySha256s: [HASH],
  frames: 240,
};

const scope = (change: Partial<ConsentFacts['scope']>): ConsentFacts => ({
  ...consent,
  scope: { ...consent.scope, ...change },
});

const TABLE: [string, ConsentFacts | null, ConsentRequest, Date, ConsentReason[]][] = [
  ['in scope', consent, request, NOW, []],
  ['none', null, request, NOW, ['CONSENT_REQUIRED']],
  ['changed past the service', { ...consent, altered: true }, request, NOW, ['RECORD_ALTERED']],
  [
    'revoked, and changed past the service',
    { ...consent, altered: true, state: 'revoked' },
    request,
    NOW,
    ['RECORD_ALTERED', 'CONSENT_REVOKED'],
  ],
  ['draft', { ...consent, state: 'draft' }, request, NOW, ['CONSENT_NOT_ACTIVE']],
  ['under review', { ...consent, state: 'pending_review' }, request, NOW, ['CONSENT_NOT_ACTIVE']],
  ['superseded', { ...consent, state: 'superseded' }, request, NOW, ['CONSENT_NOT_ACTIVE']],
  ['declined', { ...consent, state: 'declined' }, request, NOW, ['CONSENT_NOT_ACTIVE']],
  ['lapsed', { ...consent, state: 'lapsed' }, request, NOW, ['CONSENT_NOT_ACTIVE']],
  ['waiting for a signature', { ...consent, state: 'pending_signature' }, request, NOW, ['CONSENT_NOT_ACTIVE']],
  ['held by a strike', { ...consent, holds: ['strike'] }, request, NOW, ['CONSENT_ON_HOLD']],
  ['held by a dispute', { ...consent, holds: ['dispute'] }, request, NOW, ['CONSENT_ON_HOLD']],
  ['held by both', { ...consent, holds: ['strike', 'dispute'] }, request, NOW, ['CONSENT_ON_HOLD']],
  [
    'an instant before the notice has run',
    { ...consent, noticeElapsesAt: new Date(NOW.getTime() + 1) },
    request,
    NOW,
    ['NOTICE_NOT_ELAPSED'],
  ],
  ['the instant at which the notice has run', { ...consent, noticeElapsesAt: NOW }, request, NOW, []],
  [
    'a notice that was waived',
    { ...consent, noticeElapsesAt: new Date('2027-01-01T00:00:00Z'), noticeWaived: true },
    request,
    NOW,
    [],
  ],
  ['suspended', { ...consent, state: 'suspended' }, request, NOW, ['CONSENT_SUSPENDED']],
  ['revoked', { ...consent, state: 'revoked' }, request, NOW, ['CONSENT_REVOKED']],
  ['marked expired', { ...consent, state: 'expired' }, request, NOW, ['CONSENT_EXPIRED']],
  ['before its first instant', consent, request, new Date('2026-05-31T23:59:59.999Z'), ['CONSENT_NOT_YET_VALID']],
  ['at its first instant', consent, request, new Date('2026-06-01T00:00:00Z'), []],
  ['at its last instant', consent, request, new Date('2026-07-01T00:00:00Z'), ['CONSENT_EXPIRED']],
  ['level below the project', { ...consent, level: 'L0' }, request, NOW, ['CONSENT_LEVEL_TOO_LOW']],
  ['level above the project', { ...consent, level: 'L2' }, request, NOW, []],
  ['another performer', { ...consent, performerId: OTHER }, request, NOW, ['WRONG_PERFORMER']],
  ['the other side', { ...consent, role: 'plate' }, request, NOW, ['WRONG_ROLE']],
  ['another project', scope({ project: 'Lighthouse' }), request, NOW, ['PROJECT_OUT_OF_SCOPE']],
  ['another shot', scope({ shots: ['sc010_sh030'] }), request, NOW, ['SHOT_OUT_OF_SCOPE']],
  ['this shot named', scope({ shots: ['sc010_sh020'] }), request, NOW, []],
  ['another operation', scope({ operations: ['anonymise'] }), request, NOW, ['OPERATION_OUT_OF_SCOPE']],
  [
    'one operation too many',
    consent,
    { ...request, operations: ['replace', 'restore'] },
    NOW,
    ['OPERATION_OUT_OF_SCOPE'],
  ],
  ['another plate', scope({ plates: [FOREIGN_HASH] }), request, NOW, ['PLATE_OUT_OF_SCOPE']],
  ['another image', scope({ identityAssets: [FOREIGN_HASH] }), request, NOW, ['IDENTITY_ASSET_OUT_OF_SCOPE']],
  ['too many frames', scope({ maxFrames: 239 }), request, NOW, ['FRAME_CAP_EXCEEDED']],
  ['exactly the cap', scope({ maxFrames: 240 }), request, NOW, []],
  ['frames not known yet', scope({ maxFrames: 10 }), { ...request, frames: null }, NOW, []],
];

describe('evaluateConsent', () => {
  it.each(TABLE)('%s', (_, facts, asked, now, expected) => {
    expect(evaluateConsent(facts, asked, now)).toEqual(expected);
  });

  it('reaches every reason', () => {
    const reached = new Set(TABLE.flatMap(([, , , , reasons]) => reasons));
    expect([...reached].sort()).toEqual([...CONSENT_REASONS].sort());
  });

  it('returns all reasons, not only the first', () => {
    const facts: ConsentFacts = {
      ...scope({ project: 'Lighthouse', plates: [FOREIGN_HASH] }),
      state: 'revoked',
      level: 'L0',
    };
    expect(evaluateConsent(facts, request, NOW)).toEqual([
      'CONSENT_REVOKED',
      'CONSENT_LEVEL_TOO_LOW',
      'PROJECT_OUT_OF_SCOPE',
      'PLATE_OUT_OF_SCOPE',
    ]);
  });

  it('allows exactly the half-open window of an otherwise fitting consent', () => {
    const from = Date.parse(consent.scope.validFrom);
    const until = Date.parse(consent.scope.validUntil);
    fc.assert(
      fc.property(fc.integer({ min: from - 1e7, max: until + 1e7 }), (at) => {
        expect(evaluateConsent(consent, request, new Date(at)).length === 0).toBe(at >= from && at < until);
      }),
    );
  });
});

describe('evaluateConsents', () => {
  const plate: ConsentFacts = {
    ...consent,
    id: '0d6a5dc3-0000-4000-8000-000000000002',
    performerId: OTHER,
    role: 'plate',
  };
  const shot = {
    now: NOW,
    point: 'lease' as const,
    project: request.project,
    shotName: request.shotName,
    operations: request.operations,
    plateSha256: HASH,
    frames: 240,
    cast: [
      {
        cast: 0,
        altered: false,
        identity: { performerId: PERFORMER, consentId: consent.id, sha256s: [HASH] },
        plate: { performerId: OTHER, consentId: plate.id },
      },
    ],
  };

  it('wants both sides', () => {
    expect(evaluateConsents({ ...shot, consents: [consent, plate] })).toEqual({ allowed: true, refusals: [] });
    expect(evaluateConsents({ ...shot, consents: [consent] }).refusals).toEqual([
      { cast: 0, role: 'plate', performerId: OTHER, consentId: plate.id, reasons: ['CONSENT_REQUIRED'] },
    ]);
  });

  it('refuses both sides of a member whose record was altered', () => {
    const cast = shot.cast.map((member) => ({ ...member, altered: true }));
    const { refusals } = evaluateConsents({ ...shot, cast, consents: [consent, plate] });
    expect(refusals.map(({ role, reasons }) => [role, reasons])).toEqual([
      ['identity', ['RECORD_ALTERED']],
      ['plate', ['RECORD_ALTERED']],
    ]);
  });

  it('allows a shot without cast', () => {
    expect(evaluateConsents({ ...shot, cast: [], consents: [] }).allowed).toBe(true);
  });
});
