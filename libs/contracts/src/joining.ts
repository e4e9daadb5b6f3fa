import { z } from 'zod';
import { Instant, Name, Uuid } from './ids.js';
import { NewPassword } from './people.js';
import { FarmRole, ProjectRole } from './roles.js';

/**
 * What waits, on a strict farm, for another person than who asked for it: a role that releases or grants for another org admin,
 * an account that is to be a performer for a consent officer of the project.
 */
export const RoleRequest = z.object({
  id: Uuid,
  userId: Uuid,
  user: Name,
  /** By which whoever decides asks the person whether it is theirs. */
  email: z.string(),
  projectId: Uuid.nullable(),
  project: Name.nullable(),
  role: z.union([FarmRole, ProjectRole, z.literal('performer')]),
  performerId: Uuid.nullable(),
  requestedBy: Uuid,
  createdAt: Instant,
  expiresAt: Instant,
});
export type RoleRequest = z.infer<typeof RoleRequest>;

/** `pending`: another org admin has to approve it first. */
export const Granted = z.object({ ok: z.literal(true), pending: z.boolean() });

/** Without a project it is a role on the whole farm. */
export const TakeRole = z
  .object({
    userId: Uuid,
    projectId: Uuid.nullable().default(null),
    role: z.union([FarmRole, ProjectRole]),
  })
  .refine(
    ({ projectId, role }) => (projectId === null) === FarmRole.safeParse(role).success,
    'a role of the farm is held in no project, a role of a project in one',
  );

export const Invite = z
  .object({
    email: z.email().max(200),
    name: Name,
    farmRoles: z.array(FarmRole).max(2).default([]),
    memberships: z
      .array(z.object({ projectId: Uuid, role: ProjectRole }))
      .max(20)
      .default([]),
    /** Makes it an account of the portal: this performer's, and of no other role. */
    performerId: Uuid.nullable().default(null),
    validHours: z.int().min(1).max(336).default(72),
  })
  .refine(
    ({ performerId, farmRoles, memberships }) => performerId === null || farmRoles.length + memberships.length === 0,
    'a performer has no other role',
  );

/** The secret is shown once, for whoever invites to hand on: it goes behind `#` of the console's `/join`, which no server logs. */
export const Invited = z.object({ id: Uuid, secret: z.string(), expiresAt: Instant });

export const Invitation = z.object({
  id: Uuid,
  email: z.string(),
  name: Name,
  farmRoles: z.array(FarmRole),
  memberships: z.array(z.object({ projectId: Uuid, role: ProjectRole })),
  performerId: Uuid.nullable(),
  invitedBy: Uuid,
  createdAt: Instant,
  expiresAt: Instant,
});
export type Invitation = z.infer<typeof Invitation>;

export const AcceptInvitation = z.object({ secret: z.string().min(20).max(100), password: NewPassword });
export const Accepted = z.object({ email: z.string() });
