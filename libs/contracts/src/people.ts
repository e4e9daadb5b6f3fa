import { z } from 'zod';
import { Instant, Name, Uuid } from './ids.js';
import { FarmRole, ProjectRole } from './roles.js';
import { WorkerKey } from './worker-keys.js';

/** Six digits of an authenticator, or one of the recovery codes. */
const Code = z.string().min(6).max(40);
const Password = z.string().min(1).max(200);
export const NewPassword = z.string().min(12).max(200);

export const SignIn = z.object({ email: z.email().max(200), password: Password, code: Code.optional() });

export const Me = z.object({
  userId: Uuid,
  name: Name,
  email: z.string(),
  /** False for an account that signs in through the provider alone. */
  hasPassword: z.boolean(),
  farmRoles: z.array(FarmRole),
  memberships: z.array(z.object({ projectId: Uuid, project: Name, role: ProjectRole })),
  /** Whom this account is in the portal; empty for everybody who is no performer. */
  performers: z.array(z.object({ performerId: Uuid, performer: Name, project: Name })),
  secondFactor: z.object({
    enrolled: z.boolean(),
    /** Whether this session or token was opened with it. */
    used: z.boolean(),
    /** Whether this farm asks for it before acts that release or grant. */
    required: z.boolean(),
  }),
  /** While the break-glass account is open: everybody should know. */
  breakGlassOpenUntil: Instant.nullable(),
});
export type Me = z.infer<typeof Me>;

/** Whoever changes how an account is protected proves anew who they are; without a password by having just signed in. */
export const ProveIdentity = z.object({ password: Password.optional(), code: Code.optional() });
/** Shown once. `secret` is base32; `otpauthUri` is what an authenticator's picture code says. */
export const NewSecondFactor = z.object({ secret: z.string(), otpauthUri: z.string() });
export const ConfirmSecondFactor = z.object({ code: Code });
/** Each works once, instead of a code. Shown once; only their hashes are kept. */
export const RecoveryCodes = z.object({ recoveryCodes: z.array(z.string()) });
export const ChangePassword = ProveIdentity.extend({ password: Password, newPassword: NewPassword });

/** A session of a browser, or an API token, that still holds. */
export const SignedIn = z.object({
  id: Uuid,
  kind: z.enum(['session', 'api']),
  name: z.string(),
  createdAt: Instant,
  lastUsedAt: Instant.nullable(),
  expiresAt: Instant.nullable(),
  secondFactor: z.boolean(),
  /** The one that asks. */
  current: z.boolean(),
});
export type SignedIn = z.infer<typeof SignedIn>;

export const User = z.object({
  id: Uuid,
  name: Name,
  email: z.string(),
  farmRoles: z.array(FarmRole),
  createdAt: Instant,
  /** Since when they are let in no more. */
  disabledAt: Instant.nullable(),
});
export const CreateUser = z.object({
  name: Name,
  email: z.email().max(200),
  password: NewPassword,
  farmRoles: z.array(FarmRole).default([]),
});
export const GrantMembership = z.object({ userId: Uuid, role: ProjectRole });

export const CreateToken = z.object({ name: Name, validDays: z.int().min(1).max(366).default(30) });
/** The secret is shown once; only its hash is kept. */
export const CreatedToken = z.object({ id: Uuid, secret: z.string(), expiresAt: Instant });

/** The projects whose work a worker may be handed; null for any. */
const WorkerProjects = z.array(Uuid).max(500).nullable();
export const CreateWorker = z.object({ name: Name, projectIds: WorkerProjects.default(null) });
/** `pending`: on a strict farm it gets no work before another person has approved it. */
export const CreatedWorker = z.object({ id: Uuid, secret: z.string(), pending: z.boolean() });
export const TieWorker = z.object({ projectIds: WorkerProjects });
export const Worker = z.object({
  id: Uuid,
  name: Name,
  projectIds: WorkerProjects,
  /** Who asked for it while it waits for another person's approval; else null. */
  awaitsApprovalOf: Uuid.nullable(),
  disabledAt: Instant.nullable(),
  /** What it does before its lanes can work, and since when; null once they are there. */
  preparing: z.object({ step: z.string(), at: Instant }).nullable(),
  /** Those that hold or wait. */
  keys: z.array(WorkerKey),
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
      /** The code of what it, or its host, failed with; null where it is not set aside. */
      setAsideReason: z.string().nullable(),
    }),
  ),
});
export type Worker = z.infer<typeof Worker>;
