import type { SubjectRules } from './grant.js';

/** Everybody's own tokens, nobody else's: a token is never wider than its owner. */
export const tokenRules: SubjectRules = (actor) =>
  actor.kind === 'user'
    ? [{ action: ['create', 'read', 'revoke'], subject: 'Token', conditions: { userId: actor.id } }]
    : [];
