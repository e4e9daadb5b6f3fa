import { Ability, type ForcedSubject, subject as tag } from '@casl/ability';
import type { ActorRoles } from './actor.js';
import { assetRules } from './asset.js';
import { attemptRules } from './attempt.js';
import { auditCheckpointRules, auditErasureRules, auditEventRules, restoreAcceptanceRules } from './audit-event.js';
import { breakGlassRules } from './break-glass.js';
import { checkConditions, type Conditions, matchesConditions } from './conditions.js';
import { consentRules } from './consent.js';
import { deliveryRules } from './delivery.js';
import { faceTemplateRules } from './face-template.js';
import { evidenceRules } from './evidence.js';
import type { Rule, SubjectRules } from './grant.js';
import { invitationRules, roleRequestRules } from './joining.js';
import { laneRules } from './lane.js';
import { membershipRules } from './membership.js';
import { modelPackRules } from './model-pack.js';
import { metricsRules } from './metrics.js';
import { performerRules } from './performer.js';
import { portalRules } from './portal.js';
import { keyDestructionRules, projectRules } from './project.js';
import { sessionRules } from './session.js';
import { shotRules } from './shot.js';
import { taskRules } from './task.js';
import { tokenRules } from './token.js';
import { userRules } from './user.js';
import type { Action, SubjectName } from './vocabulary.js';
import { webhookRules } from './webhook.js';
import { workerRules } from './worker.js';

const EVERY_SUBJECT: readonly SubjectRules[] = [
  sessionRules,
  tokenRules,
  userRules,
  projectRules,
  keyDestructionRules,
  membershipRules,
  roleRequestRules,
  invitationRules,
  breakGlassRules,
  performerRules,
  consentRules,
  assetRules,
  faceTemplateRules,
  shotRules,
  taskRules,
  deliveryRules,
  modelPackRules,
  workerRules,
  laneRules,
  attemptRules,
  auditEventRules,
  auditCheckpointRules,
  auditErasureRules,
  restoreAcceptanceRules,
  evidenceRules,
  metricsRules,
  webhookRules,
  portalRules,
];

export type ActorAbility = Ability<[Action, SubjectName | ForcedSubject<SubjectName>], Conditions>;

/** The rules of an actor as plain data, so that a console can be handed its own. */
export function rulesOf(actor: ActorRoles): Rule[] {
  const rules = EVERY_SUBJECT.flatMap((subjectRules) => subjectRules(actor));
  for (const { conditions } of rules) if (conditions !== undefined) checkConditions(conditions);
  return rules;
}

/**
 * What an actor may do. Asking without a row (`can('read', 'Shot')`) says whether some row could be allowed, never that
 * a given one is: rows are asked with `asSubject` or fetched by a query that bears the same conditions.
 */
export function abilityOf(rules: readonly Rule[]): ActorAbility {
  return new Ability<[Action, SubjectName | ForcedSubject<SubjectName>], Conditions>([...rules], {
    conditionsMatcher: (conditions: Conditions) => (row: Record<PropertyKey, unknown>) =>
      matchesConditions(conditions, row),
  });
}

/** A row marked as what it is, for `can`; the row itself stays as it was. */
export function asSubject<Name extends SubjectName, Row extends Record<string, unknown>>(name: Name, row: Row) {
  return tag(name, { ...row });
}
