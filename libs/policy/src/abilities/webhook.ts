import { inProjects, type SubjectRules } from './grant.js';

/** Who is told of a project's shots is its producers' to say. */
export const webhookRules: SubjectRules = (actor) =>
  inProjects(actor, ['producer'], ['read', 'create', 'revoke', 'resume'], 'Webhook');
