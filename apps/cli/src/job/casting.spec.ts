import type { ConsentDocument, ConsentParty } from '@understudy/contracts';
import { describe, expect, it } from 'vitest';
import { castParties } from './casting.js';
import type { LocalFile } from './upload.js';

const file = (digit: string): LocalFile => ({ path: `${digit}.png`, sha256: digit.repeat(64), bytes: 1 });

/** A template that points along one axis: templates of different axes are strangers. */
function template(axis: number): string {
  const values = new Float32Array(512);
  values[axis] = 1;
  return Buffer.from(values.buffer).toString('base64');
}

const party = (role: ConsentParty['role'], performer: string, digit: string, axis: number): ConsentParty => ({
  role,
  performer,
  faces: [{ sha256: digit.repeat(64), template: template(axis), recogniser: 'r' }],
});

const documentOf = (...parties: ConsentParty[]): ConsentDocument => ({
  statement: {
    format: 'understudy-consent/1',
    id: '5a0fdb3a-6a3c-4f0e-9d53-0d6a5dc3f8a1',
    issuedAt: '2026-06-01T00:00:00Z',
    level: 'L0',
    parties,
    scope: {
      project: 'p',
      operations: ['replace'],
      validFrom: '2026-06-01T00:00:00Z',
      validUntil: '2026-07-01T00:00:00Z',
    },
  },
  attestation: { method: 'operator-ed25519', publicKey: '', signature: '', at: '2026-06-01T00:00:00Z' },
});

const reading = (axis: number) => async (): Promise<Float32Array> => {
  const values = new Float32Array(512);
  values[axis] = 1;
  return values;
};
const unread = async (): Promise<Float32Array> => {
  throw new Error('no face had to be read');
};

const ADA = party('identity', 'ada', 'a', 0);
const BEN = party('plate', 'ben', 'b', 1);
const DORA = party('identity', 'dora', 'd', 2);
const CLEO = party('plate', 'cleo', 'c', 3);

describe('castParties', () => {
  it('takes the only person on each side, whatever picture of them is given', async () => {
    const casts = [{ identities: [file('e')], plateFace: null }];
    expect(await castParties([documentOf(ADA, BEN)], casts, unread)).toEqual([{ identity: 'ada', plate: 'ben' }]);
  });

  it("goes by the picture's hash among several", async () => {
    const documents = [documentOf(ADA, BEN), documentOf(DORA, CLEO)];
    const casts = [{ identities: [file('d')], plateFace: file('b') }];
    expect(await castParties(documents, casts, unread)).toEqual([{ identity: 'dora', plate: 'ben' }]);
  });

  it('reads the face of a picture that no document names', async () => {
    const documents = [documentOf(ADA, BEN), documentOf(DORA, CLEO)];
    const casts = [{ identities: [file('e')], plateFace: file('c') }];
    expect(await castParties(documents, casts, reading(2))).toEqual([{ identity: 'dora', plate: 'cleo' }]);
  });

  it('refuses a face that nobody in the documents has', async () => {
    const documents = [documentOf(ADA, BEN), documentOf(DORA, CLEO)];
    const casts = [{ identities: [file('e')], plateFace: file('c') }];
    await expect(castParties(documents, casts, reading(9))).rejects.toMatchObject({ code: 'IDENTITY_MISMATCH' });
  });

  it('asks for the consent of whoever is missing', async () => {
    const casts = [{ identities: [file('a')], plateFace: null }];
    await expect(castParties([documentOf(ADA)], casts, unread)).rejects.toMatchObject({
      code: 'CONSENT_REQUIRED',
      details: { role: 'plate' },
    });
  });

  it('wants to know who is meant when several people of the plate consented', async () => {
    const documents = [documentOf(ADA, BEN), documentOf(DORA, CLEO)];
    const casts = [{ identities: [file('a')], plateFace: null }];
    await expect(castParties(documents, casts, unread)).rejects.toMatchObject({ code: 'AMBIGUOUS_FACE' });
  });
});
