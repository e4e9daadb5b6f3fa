import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { TreeHead } from './proof.js';

/**
 * Checkpoints of C2SP tlog-checkpoint: a signed note (C2SP signed-note) over the log's origin, its size and its root.
 * A signature line is `— <key name> base64(4 bytes of key id || Ed25519 signature)`; a verifier key is
 * `<key name>+<key id, hex>+base64(0x01 || public key)`.
 */
const ED25519 = 0x01;
const DASH = '\u2014';
const SIZE = /^(0|[1-9]\d{0,15})$/;

export interface Checkpoint extends TreeHead {
  readonly origin: string;
}

export interface VerifierKey {
  readonly name: string;
  readonly id: Uint8Array;
  readonly key: KeyObject;
}

export interface SignedCheckpoint extends Checkpoint {
  /** What was signed, and the signatures: key name, key id and signature. */
  readonly text: string;
  readonly signatures: readonly { readonly name: string; readonly id: Uint8Array; readonly signature: Uint8Array }[];
}

const rawOf = (publicKey: KeyObject): Buffer => Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');

/** SHA-256(name || "\n" || 0x01 || public key), its first four bytes. */
function keyId(name: string, raw: Uint8Array): Buffer {
  return createHash('sha256').update(`${name}\n`).update(Uint8Array.of(ED25519)).update(raw).digest().subarray(0, 4);
}

/** The verifier key of a signing key under a name, as text. */
export function verifierKeyOf(name: string, privateKey: KeyObject): string {
  const raw = rawOf(createPublicKey(privateKey));
  const typed = Buffer.concat([Uint8Array.of(ED25519), raw]).toString('base64');
  return `${name}+${keyId(name, raw).toString('hex')}+${typed}`;
}

/** @throws SyntaxError for what is no Ed25519 verifier key */
export function parseVerifierKey(text: string): VerifierKey {
  const [, name, id, typed] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim()) ?? [];
  const bytes = Buffer.from(typed ?? '', 'base64');
  if (name === undefined || bytes.length !== 33 || bytes[0] !== ED25519)
    throw new SyntaxError('this is no verifier key');
  const raw = bytes.subarray(1);
  if (keyId(name, raw).toString('hex') !== id) throw new SyntaxError('the id of this verifier key is not its own');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' });
  return { name, id: keyId(name, raw), key };
}

const bodyOf = ({ origin, size, root }: Checkpoint): string =>
  `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`;

/** A signed note; ends in a newline. The key's name is the log's origin, as the format recommends. */
export function signCheckpoint(checkpoint: Checkpoint, privateKey: KeyObject): string {
  const body = bodyOf(checkpoint);
  const raw = rawOf(createPublicKey(privateKey));
  const signature = sign(null, Buffer.from(body, 'utf8'), privateKey);
  const line = Buffer.concat([keyId(checkpoint.origin, raw), signature]).toString('base64');
  return `${body}\n${DASH} ${checkpoint.origin} ${line}\n`;
}

function signatureOf(line: string): SignedCheckpoint['signatures'][number] {
  const [, name, encoded] = new RegExp(`^${DASH} ([^\\s+]+) ([A-Za-z0-9+/=]+)$`).exec(line) ?? [];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (name === undefined || bytes.length < 5) throw new SyntaxError('a signature line is not one of a signed note');
  return { name, id: bytes.subarray(0, 4), signature: bytes.subarray(4) };
}

/** Reads a checkpoint, whoever signed it. @throws SyntaxError */
export function parseCheckpoint(note: string): SignedCheckpoint {
  const split = note.indexOf('\n\n');
  const text = note.slice(0, split + 1);
  const [origin, size, root] = text.split('\n');
  const rootBytes = Buffer.from(root ?? '', 'base64');
  if (split < 1 || !origin || !SIZE.test(size ?? '') || rootBytes.length !== 32 || !note.endsWith('\n')) {
    throw new SyntaxError('this is no checkpoint of a log');
  }
  const lines = note.slice(split + 2, -1).split('\n');
  return { origin, size: Number(size), root: rootBytes, text, signatures: lines.map(signatureOf) };
}

/** Whether the key, under its name, signed this checkpoint. */
export function isSignedBy({ text, signatures }: SignedCheckpoint, { name, id, key }: VerifierKey): boolean {
  return signatures.some(
    (one) =>
      one.name === name &&
      Buffer.from(one.id).equals(id) &&
      one.signature.length === 64 &&
      verify(null, Buffer.from(text, 'utf8'), key, one.signature),
  );
}

/** Several checkpoints one after another, as a folder of anchors keeps them. @throws SyntaxError */
export function parseCheckpoints(text: string): SignedCheckpoint[] {
  // A note has one empty line, between what is signed and the signatures; the next note follows the last signature.
  const notes: string[] = [];
  let [lines, signed]: [string[], boolean] = [[], false];
  for (const line of text.split('\n').slice(0, -1)) {
    if (signed && !line.startsWith(`${DASH} `)) {
      notes.push(`${lines.join('\n')}\n`);
      [lines, signed] = [[], false];
    }
    if (line.startsWith(`${DASH} `)) signed = true;
    lines.push(line);
  }
  if (lines.length > 0) notes.push(`${lines.join('\n')}\n`);
  return notes.map(parseCheckpoint);
}
