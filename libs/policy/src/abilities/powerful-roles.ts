import type { FarmRole, ProjectRole } from '@understudy/contracts';

/** `performer` is no role of a project's: who is one signs for their own face. */
type AnyRole = FarmRole | ProjectRole | 'performer';

/**
 * Roles that release or grant; a compliance auditor is the second person of a restore. One org admin alone must not make the
 * second pair of eyes, so two people give them.
 */
const POWERFUL: readonly AnyRole[] = [
  'org_admin',
  'farm_operator',
  'producer',
  'consent_officer',
  'compliance_auditor',
  'performer',
];

export function releasesOrGrants(role: AnyRole): boolean {
  return POWERFUL.includes(role);
}
