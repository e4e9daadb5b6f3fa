import { z } from 'zod';
import { Instant, Sha256, Uuid } from './ids.js';

/** Ed25519, raw, base64url; in the one way of writing it, whose last two bits are 0: a key must not pass for another. */
export const WorkerPublicKey = z.string().regex(/^[\w-]{42}[AEIMQUYcgkosw048]$/);

/** To be signed once, within a minute. */
export const WorkerChallenge = z.object({ challenge: Uuid });
export const OpenWorkerSession = z.object({
  publicKey: WorkerPublicKey,
  challenge: Uuid,
  /** Of `workerSessionMessage`; base64url. */
  signature: z.string().regex(/^[\w-]{86}$/),
});
/** What all else is asked with, until it ends; open another one before that. */
export const WorkerSession = z.object({ secret: z.string(), validSeconds: z.number().positive() });

/** What a worker signs to show that it has the key. */
export function workerSessionMessage(challenge: string, publicKey: string): string {
  return `understudy worker session/1\n${challenge}\n${publicKey}`;
}

/** A key that a worker has shown; until somebody approved it, it opens nothing. */
export const WorkerKey = z.object({
  id: Uuid,
  /** SHA-256 of the raw key, as the worker writes it into its log. */
  fingerprint: Sha256,
  firstSeenAt: Instant,
  approvedAt: Instant.nullable(),
});
/** Keys are approved by name: one that was shown a moment later is none of them. */
export const ApproveWorker = z
  .object({ fingerprints: z.array(Sha256).max(20).default([]) })
  .default({ fingerprints: [] });
