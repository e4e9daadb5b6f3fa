import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  canonicalJson,
  ConsentDocument,
  type ConsentParty,
  type ConsentStatement,
  type Operation,
  UnderstudyError,
} from '@understudy/contracts';
import type { OperatorKey } from './operator-key.js';

export interface NewConsent {
  readonly project: string;
  readonly operations: readonly Operation[];
  readonly parties: readonly ConsentParty[];
  readonly validDays: number;
  readonly shots?: readonly string[] | undefined;
  readonly intendedUse?: string | undefined;
}

const DAY_MS = 86_400_000;

/**
 * A consent document: the operator's key attests to what the performers agreed to. It is of level L1 when the evidence of
 * every party is named in it, for a consent officer to look at; otherwise of level L0.
 */
export function newConsentDocument(request: NewConsent, key: OperatorKey, now: Date): ConsentDocument {
  const statement: ConsentStatement = {
    format: 'understudy-consent/1',
    id: randomUUID(),
    issuedAt: now.toISOString(),
    level: request.parties.every((party) => party.evidence !== undefined) ? 'L1' : 'L0',
    parties: [...request.parties],
    scope: {
      project: request.project,
      operations: [...request.operations],
      ...(request.shots === undefined ? {} : { shots: [...request.shots] }),
      ...(request.intendedUse === undefined ? {} : { intendedUse: request.intendedUse }),
      validFrom: now.toISOString(),
      validUntil: new Date(now.getTime() + request.validDays * DAY_MS).toISOString(),
    },
  };
  return {
    statement,
    attestation: {
      method: 'operator-ed25519',
      publicKey: key.publicKey,
      signature: key.sign(Buffer.from(canonicalJson(statement))),
      at: now.toISOString(),
    },
  };
}

/** @throws UnderstudyError CONSENT_DOCUMENT_INVALID saying what is wrong with the file. */
export async function readConsentDocument(path: string): Promise<ConsentDocument> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const what = missing ? `the consent ${path} does not exist` : `${path} is no consent document`;
    throw new UnderstudyError('CONSENT_DOCUMENT_INVALID', `${what}; make one with: understudy consent new`, { cause });
  }
  const parsed = ConsentDocument.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UnderstudyError(
    'CONSENT_DOCUMENT_INVALID',
    `${path}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a consent document'}`,
  );
}
