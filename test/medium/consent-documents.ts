import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { canonicalJson, type ConsentDocument, type ConsentStatement } from '@understudy/contracts';

/** A face direction: two of the same number are one person, two of different numbers strangers. */
export function template(person: number): string {
  const embedding = Buffer.alloc(512 * 4);
  embedding.writeFloatLE(1, person * 4);
  return embedding.toString('base64');
}

export const sha = (digit: string): string => digit.repeat(64);
const DAY_MS = 86_400_000;
export const inDays = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString();

const EVIDENCE = { document: sha('e'), signer: 'The performer', method: 'signed paper', at: inDays(-10) };

export interface StatementOptions {
  project: string;
  performer?: string;
  person?: number;
  changes?: Partial<ConsentStatement>;
  scope?: Partial<ConsentStatement['scope']>;
}

/** One party, level L1 with evidence, valid for a month. */
export function statement({
  project,
  performer = 'P-1',
  person = 1,
  changes,
  scope,
}: StatementOptions): ConsentStatement {
  const face = { sha256: sha(String(person)), template: template(person), recogniser: 'test' };
  return {
    format: 'understudy-consent/1',
    id: randomUUID(),
    issuedAt: inDays(-1),
    scope: { project, operations: ['replace'], validFrom: inDays(-1), validUntil: inDays(30), ...scope },
    parties: [{ role: 'identity', performer, faces: [face], evidence: EVIDENCE }],
    level: 'L1',
    ...changes,
  };
}

const operator = generateKeyPairSync('ed25519');

/** As an operator attests to it. */
export function signed(
  of: ConsentStatement,
  key: { privateKey: KeyObject; publicKey: KeyObject } = operator,
): ConsentDocument {
  const { x = '' } = key.publicKey.export({ format: 'jwk' });
  return {
    statement: of,
    attestation: {
      method: 'operator-ed25519',
      publicKey: Buffer.from(x, 'base64url').toString('base64'),
      signature: sign(null, Buffer.from(canonicalJson(of)), key.privateKey).toString('base64'),
      at: inDays(0),
    },
  };
}
