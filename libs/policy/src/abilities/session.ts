import { anywhere, type SubjectRules } from './grant.js';

/** Everybody signed in may see who they are and sign out. */
export const sessionRules: SubjectRules = (actor) => anywhere(actor.kind === 'user', ['read', 'revoke'], 'Session');
