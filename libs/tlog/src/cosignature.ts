import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { COSIGNER, keyId, rawPublicKey, signatureLine, type SignedNote, type VerifierKey } from './note.js';

/** C2SP tlog-cosignature, cosignature/v1: what a witness signs, with the time at which it did. */
const message = (text: string, time: bigint): Buffer => Buffer.from(`cosignature/v1\ntime ${time}\n${text}`, 'utf8');

/**
 * A witness's line under a checkpoint.
 *
 * @param at when; kept in whole seconds
 * @returns the checkpoint's note with one signature more
 */
export function cosign(note: string, text: string, name: string, privateKey: KeyObject, at: Date): string {
  const time = BigInt(Math.floor(at.getTime() / 1000));
  const stamp = Buffer.alloc(8);
  stamp.writeBigUInt64BE(time);
  const id = keyId(name, COSIGNER, rawPublicKey(createPublicKey(privateKey)));
  const signature = Buffer.concat([stamp, sign(null, message(text, time), privateKey)]);
  return `${note}${signatureLine(name, id, signature)}\n`;
}

/** When this witness cosigned the note, by its own clock; null where it did not. */
export function cosignedAt({ text, signatures }: SignedNote, { name, id, key, type }: VerifierKey): Date | null {
  if (type !== COSIGNER) return null;
  for (const one of signatures) {
    if (one.name !== name || !Buffer.from(one.id).equals(id) || one.signature.length !== 72) continue;
    const time = Buffer.from(one.signature).readBigUInt64BE();
    if (verify(null, message(text, time), key, one.signature.subarray(8))) return new Date(Number(time) * 1000);
  }
  return null;
}
