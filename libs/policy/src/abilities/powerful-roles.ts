import type { FarmRole, ProjectRole } from '@understudy/contracts';

/** Roles that release or grant. One org admin alone must not make the second pair of eyes, so two give them. */
const POWERFUL: readonly (FarmRole | ProjectRole)[] = ['org_admin', 'farm_operator', 'producer', 'consent_officer'];

export function releasesOrGrants(role: FarmRole | ProjectRole): boolean {
  return POWERFUL.includes(role);
}
