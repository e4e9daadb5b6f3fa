import type { ConsentState } from '@understudy/contracts';

/** What happens to a consent: people decide the first four, the performer signs, a newer version supersedes, the clock does the rest. */
export const CONSENT_ACTS = [
  'activate',
  'suspend',
  'decline',
  'revoke',
  'sign',
  'supersede',
  'expire',
  'lapse',
] as const;
export type ConsentAct = (typeof CONSENT_ACTS)[number];

const BEFORE_ACTIVE = ['draft', 'pending_signature', 'pending_review'] as const;

/** From which states each act leads where. What is in no list of `from` has ended for good. */
const TRANSITIONS: Readonly<Record<ConsentAct, { from: readonly ConsentState[]; to: ConsentState }>> = {
  activate: { from: ['pending_review', 'suspended'], to: 'active' },
  suspend: { from: ['active'], to: 'suspended' },
  decline: { from: BEFORE_ACTIVE, to: 'declined' },
  revoke: { from: [...BEFORE_ACTIVE, 'active', 'suspended'], to: 'revoked' },
  sign: { from: ['pending_signature'], to: 'pending_review' },
  supersede: { from: ['pending_signature', 'pending_review', 'active', 'suspended'], to: 'superseded' },
  expire: { from: ['active', 'suspended'], to: 'expired' },
  lapse: { from: BEFORE_ACTIVE, to: 'lapsed' },
};

/** The state that an act leads to; null where it is not possible from here. */
export function consentAfter(state: ConsentState, act: ConsentAct): ConsentState | null {
  const { from, to } = TRANSITIONS[act];
  return from.includes(state) ? to : null;
}

/** The states from which an act is possible. */
export function statesBefore(act: ConsentAct): readonly ConsentState[] {
  return TRANSITIONS[act].from;
}

/**
 * Whether what was made under a consent that has ended may still be taken back: it was in force once, and its performer has
 * not done so yet.
 */
export function isWithdrawable(state: ConsentState): boolean {
  return state === 'superseded' || state === 'expired';
}

/** Whether nothing leads out of a state any more. */
export function hasEnded(state: ConsentState): boolean {
  return CONSENT_ACTS.every((act) => consentAfter(state, act) === null);
}
