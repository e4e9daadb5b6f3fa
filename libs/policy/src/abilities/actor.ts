import type { FarmRole, ProjectRole } from '@understudy/contracts';

/** What abilities are built from: who it is, and the roles held at this moment. */
export interface ActorRoles {
  readonly kind: 'user' | 'worker';
  readonly id: string;
  readonly farmRoles: readonly FarmRole[];
  readonly memberships: readonly { readonly projectId: string; readonly role: ProjectRole }[];
  /** Ids of the performers that this account is in the portal. */
  readonly performers?: readonly string[];
}
