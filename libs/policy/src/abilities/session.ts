import { anywhere, type SubjectRules } from './grant.js';

/** Everybody signed in may see who they are, sign out, and change how they prove who they are. */
export const sessionRules: SubjectRules = (actor) =>
  anywhere(actor.kind === 'user', ['read', 'revoke', 'secure'], 'Session');
