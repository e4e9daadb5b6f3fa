import { CONSENT_HOLDS, CONSENT_STATES, type ConsentHold, type ConsentState } from '@understudy/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConsentFacts, type ConsentRequest, evaluateConsent } from './evaluate.js';
import { CONSENT_ACTS, type ConsentAct, consentAfter, hasEnded, isWithdrawable, statesBefore } from './life.js';

const ENDED: readonly ConsentState[] = ['revoked', 'expired', 'superseded', 'declined', 'lapsed'];

describe('consentAfter', () => {
  it.each<[ConsentState, ConsentAct, ConsentState | null]>([
    ['pending_review', 'activate', 'active'],
    ['suspended', 'activate', 'active'],
    ['draft', 'activate', null],
    ['pending_signature', 'activate', null],
    ['pending_signature', 'sign', 'pending_review'],
    ['pending_review', 'sign', null],
    ['active', 'sign', null],
    ['pending_signature', 'supersede', 'superseded'],
    ['active', 'suspend', 'suspended'],
    ['pending_review', 'suspend', null],
    ['pending_review', 'decline', 'declined'],
    ['active', 'decline', null],
    ['draft', 'revoke', 'revoked'],
    ['suspended', 'revoke', 'revoked'],
    ['suspended', 'expire', 'expired'],
    ['pending_review', 'expire', null],
    ['pending_review', 'lapse', 'lapsed'],
    ['active', 'lapse', null],
    ['active', 'supersede', 'superseded'],
  ])('%s, %s: %s', (state, act, expected) => {
    expect(consentAfter(state, act)).toBe(expected);
    expect(statesBefore(act).includes(state)).toBe(expected !== null);
  });

  it('ends exactly where nothing leads out', () => {
    expect(CONSENT_STATES.filter(hasEnded).toSorted()).toEqual(ENDED.toSorted());
  });
});

it('what was made can be taken back from each state in which something may have been made, once', () => {
  const revocable = CONSENT_STATES.filter((state) => consentAfter(state, 'revoke') !== null || isWithdrawable(state));
  expect(CONSENT_STATES.filter((state) => !revocable.includes(state))).toEqual(['revoked', 'declined', 'lapsed']);
  expect(CONSENT_STATES.filter((state) => isWithdrawable(state) && !hasEnded(state))).toEqual([]);
});

type Happening = { readonly afterMs: number } & (
  { readonly act: ConsentAct } | { readonly hold: ConsentHold } | { readonly lift: ConsentHold }
);

const START = Date.parse('2026-06-01T00:00:00Z');
const HOUR_MS = 3_600_000;
const PERFORMER = '5a0fdb3a-6a3c-4f0e-9d53-0d6a5dc3f8a1';

const happening: fc.Arbitrary<Happening> = fc
  .tuple(
    fc.integer({ min: 0, max: 40 * HOUR_MS }),
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom<ConsentAct>(...CONSENT_ACTS).map((act) => ({ act })) },
      { weight: 3, arbitrary: fc.constantFrom<ConsentAct>('activate', 'suspend').map((act) => ({ act })) },
      { weight: 1, arbitrary: fc.constantFrom(...CONSENT_HOLDS).map((hold) => ({ hold })) },
      { weight: 2, arbitrary: fc.constantFrom(...CONSENT_HOLDS).map((lift) => ({ lift })) },
    ),
  )
  .map(([afterMs, what]) => ({ afterMs, ...what }));

const timeline = fc.record({
  happenings: fc.array(happening, { maxLength: 25 }),
  noticeHours: fc.option(fc.integer({ min: 0, max: 100 })),
  noticeWaived: fc.boolean(),
  hoursValid: fc.integer({ min: 1, max: 300 }),
});

const request: ConsentRequest = {
  performerId: PERFORMER,
  role: 'plate',
  project: { name: 'Harbour', leastLevel: 'L1' },
  shotName: '010',
  operations: ['replace'],
  plateSha256: 'a'.repeat(64),
  identitySha256s: [],
  frames: null,
};

type Timeline = typeof timeline extends fc.Arbitrary<infer Value> ? Value : never;

/** Lives one timeline through; asks after each thing that happened. */
function live(
  { happenings, noticeHours, noticeWaived, hoursValid }: Timeline,
  ask: (facts: ConsentFacts, now: number, past: readonly Happening[]) => void,
): void {
  let state: ConsentState = 'pending_review';
  let holds: ConsentHold[] = [];
  let now = START;
  happenings.forEach((event, index) => {
    now += event.afterMs;
    if ('act' in event) state = consentAfter(state, event.act) ?? state;
    if ('hold' in event) holds = [...new Set([...holds, event.hold])];
    if ('lift' in event) holds = holds.filter((kind) => kind !== event.lift);
    const facts: ConsentFacts = {
      id: PERFORMER,
      performerId: PERFORMER,
      role: 'plate',
      state,
      level: 'L1',
      scope: {
        project: 'Harbour',
        operations: ['replace'],
        validFrom: new Date(START).toISOString(),
        validUntil: new Date(START + hoursValid * HOUR_MS).toISOString(),
      },
      holds,
      noticeElapsesAt: noticeHours === null ? null : new Date(START + noticeHours * HOUR_MS),
      noticeWaived,
      altered: false,
    };
    ask(facts, now, happenings.slice(0, index + 1));
  });
}

const acts = (past: readonly Happening[]): ConsentAct[] => past.flatMap((event) => ('act' in event ? [event.act] : []));

/** Whether a hold of a kind was placed and not lifted since, told from the timeline alone. */
const isHeld = (past: readonly Happening[], kind: ConsentHold): boolean => {
  const placed = past.findLastIndex((event) => 'hold' in event && event.hold === kind);
  return placed > past.findLastIndex((event) => 'lift' in event && event.lift === kind);
};

describe('a consent over any timeline', () => {
  it('is never good after it was revoked, or declined before it was ever active', () => {
    fc.assert(
      fc.property(timeline, (given) => {
        live(given, (facts, now, past) => {
          const told = acts(past);
          const ended = told.indexOf('revoke');
          const declined = told.indexOf('decline');
          const activated = told.indexOf('activate');
          if (ended >= 0 || (declined >= 0 && (activated < 0 || declined < activated))) {
            expect(evaluateConsent(facts, request, new Date(now))).not.toEqual([]);
          }
        });
      }),
    );
  });

  it('is good only while it is active, held by nobody, in its window and its notice has run', () => {
    let good = 0;
    fc.assert(
      fc.property(timeline, (given) => {
        live(given, (facts, now, past) => {
          if (evaluateConsent(facts, request, new Date(now)).length > 0) return;
          good += 1;
          const { noticeHours, noticeWaived, hoursValid } = given;
          expect(acts(past).findLast((act) => act === 'activate' || act === 'suspend')).toBe('activate');
          expect(CONSENT_HOLDS.some((kind) => isHeld(past, kind))).toBe(false);
          expect(now).toBeLessThan(START + hoursValid * HOUR_MS);
          expect(noticeWaived || now >= START + (noticeHours ?? 0) * HOUR_MS).toBe(true);
        });
      }),
      { numRuns: 500 },
    );
    expect(good).toBeGreaterThan(50);
  });

  it('gives the same answer whenever it is asked again, and every reason at once', () => {
    fc.assert(
      fc.property(timeline, (given) => {
        live(given, (facts, now, past) => {
          const reasons = evaluateConsent(facts, request, new Date(now));
          expect(evaluateConsent(structuredClone(facts), request, new Date(now))).toEqual(reasons);
          expect(reasons.includes('CONSENT_ON_HOLD')).toBe(CONSENT_HOLDS.some((kind) => isHeld(past, kind)));
          expect(reasons.includes('CONSENT_REVOKED')).toBe(facts.state === 'revoked');
        });
      }),
    );
  });

  it('has one version in use at most, whatever comes in and is activated when', () => {
    const step = fc.record({ version: fc.integer({ min: 0, max: 4 }), act: fc.constantFrom(...CONSENT_ACTS) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const versions: ConsentState[] = Array.from({ length: 5 }, () => 'pending_review');
        for (const { version, act } of steps) {
          const before = versions[version] as ConsentState;
          const after = consentAfter(before, act);
          if (after === null) continue;
          versions[version] = after;
          if (act !== 'activate') continue;
          versions.forEach((state, other) => {
            if (other !== version) versions[other] = consentAfter(state, 'supersede') ?? state;
          });
          expect(versions.filter((state) => state === 'active')).toHaveLength(1);
        }
      }),
    );
  });
});
