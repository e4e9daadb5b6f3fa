import { createPublicKey, verify } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalJson, ConsentDocument } from '@understudy/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newConsentDocument } from './document.js';
import { operatorKey } from './operator-key.js';

const NOW = new Date('2026-06-01T12:00:00Z');

describe('newConsentDocument', () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'understudy-consent-'));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  const make = async () =>
    newConsentDocument(
      {
        project: 'p',
        operations: ['replace'],
        parties: [{ role: 'plate', performer: 'ben', faces: [] }],
        validDays: 30,
      },
      await operatorKey(home),
      NOW,
    );

  it("is signed by the operator's key over its canonical form", async () => {
    const { statement, attestation } = ConsentDocument.parse(JSON.parse(JSON.stringify(await make())));
    const x = Buffer.from(attestation.publicKey, 'base64').toString('base64url');
    const key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } });
    const signature = Buffer.from(attestation.signature, 'base64');
    expect(verify(null, Buffer.from(canonicalJson(statement)), key, signature)).toBe(true);
    const changed = { ...statement, scope: { ...statement.scope, project: 'q' } };
    expect(verify(null, Buffer.from(canonicalJson(changed)), key, signature)).toBe(false);
  });

  it('holds for the days asked for', async () => {
    const { scope } = (await make()).statement;
    expect(scope.validFrom).toBe('2026-06-01T12:00:00.000Z');
    expect(scope.validUntil).toBe('2026-07-01T12:00:00.000Z');
  });

  it('keeps one key, readable by its owner alone, also when two commands make it at once', async () => {
    const [one, other] = await Promise.all([operatorKey(home), operatorKey(home)]);
    expect(one.publicKey).toBe(other.publicKey);
    expect((await stat(join(home, 'operator-key.pem'))).mode & 0o777).toBe(0o600);
  });
});
