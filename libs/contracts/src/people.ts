import { z } from 'zod';
import { Instant, Name, Uuid } from './ids.js';
import { FarmRole, ProjectRole } from './roles.js';

export const SignIn = z.object({ email: z.email().max(200), password: z.string().min(1).max(200) });

export const Me = z.object({
  userId: Uuid,
  name: Name,
  email: z.string(),
  farmRoles: z.array(FarmRole),
  memberships: z.array(z.object({ projectId: Uuid, project: Name, role: ProjectRole })),
});
export type Me = z.infer<typeof Me>;

export const User = z.object({
  id: Uuid,
  name: Name,
  email: z.string(),
  farmRoles: z.array(FarmRole),
  createdAt: Instant,
});
export const CreateUser = z.object({
  name: Name,
  email: z.email().max(200),
  password: z.string().min(12).max(200),
  farmRoles: z.array(FarmRole).default([]),
});
export const GrantMembership = z.object({ userId: Uuid, role: ProjectRole });

export const CreateToken = z.object({ name: Name, validDays: z.int().min(1).max(366).default(30) });
/** The secret is shown once; only its hash is kept. */
export const CreatedToken = z.object({ id: Uuid, secret: z.string(), expiresAt: Instant });

export const CreateWorker = z.object({ name: Name });
export const CreatedWorker = z.object({ id: Uuid, secret: z.string() });
export const Worker = z.object({
  id: Uuid,
  name: Name,
  lanes: z.array(
    z.object({
      id: Uuid,
      name: z.string(),
      state: z.enum(['idle', 'busy', 'draining', 'lost']),
      parity: z.string(),
      lastSeenAt: Instant.nullable(),
      pools: z.array(z.string()),
      /** While it gets no work: since an operator drained it, or until when it is set aside for its failures. */
      drainedAt: Instant.nullable(),
      setAsideUntil: Instant.nullable(),
    }),
  ),
});
export type Worker = z.infer<typeof Worker>;
