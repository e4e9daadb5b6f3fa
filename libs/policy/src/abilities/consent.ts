import { PROJECT_ROLES } from '@understudy/contracts';
import { inProjects, type SubjectRules } from './grant.js';

/** Whoever may bring a consent in may also stop it: withdrawing is never harder than giving. */
export const consentRules: SubjectRules = (actor) => [
  ...inProjects(actor, PROJECT_ROLES, ['read'], 'Consent'),
  ...inProjects(actor, ['producer', 'consent_officer'], ['create', 'suspend', 'hold', 'revoke'], 'Consent'),
  ...inProjects(actor, ['consent_officer'], ['activate', 'decline', 'lift'], 'Consent'),
];
