import type { ProjectRole } from '@understudy/contracts';
import type { ActorRoles } from './actor.js';
import type { Conditions } from './conditions.js';
import type { Action, SubjectName } from './vocabulary.js';

export interface Rule {
  readonly action: Action[];
  readonly subject: SubjectName;
  readonly conditions?: Conditions;
}

/** What one subject's file says about an actor. */
export type SubjectRules = (actor: ActorRoles) => readonly Rule[];

/** Ids of the projects in which the actor holds one of the roles. */
export function projectsAs(actor: ActorRoles, roles: readonly ProjectRole[]): string[] {
  const held = actor.memberships.filter((membership) => roles.includes(membership.role));
  return [...new Set(held.map((membership) => membership.projectId))].sort();
}

/** A rule for rows of the projects in which the actor holds one of the roles; none where there is no such project. */
export function inProjects(
  actor: ActorRoles,
  roles: readonly ProjectRole[],
  action: Action[],
  subject: SubjectName,
  conditionsOf: (projects: { in: string[] }) => Conditions = (projectId) => ({ projectId }),
): Rule[] {
  const projects = projectsAs(actor, roles);
  return projects.length === 0 ? [] : [{ action, subject, conditions: conditionsOf({ in: projects }) }];
}

/** A rule for every row of a subject, where the actor's role allows it. */
export function anywhere(allowed: boolean, action: Action[], subject: SubjectName): Rule[] {
  return allowed ? [{ action, subject }] : [];
}
