import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/**
 * C2SP signed-note: a text, an empty line, and signature lines `— <key name> base64(4 bytes of key id || signature)`. A verifier
 * key is `<key name>+<key id, hex>+base64(type || public key)`. Types: 0x01 Ed25519 over the text; 0x04 a witness's timestamped
 * cosignature (C2SP tlog-cosignature, cosignature/v1).
 */
export const SIGNER = 0x01;
export const COSIGNER = 0x04;
export type KeyType = typeof SIGNER | typeof COSIGNER;
const DASH = '\u2014';

export interface VerifierKey {
  readonly name: string;
  readonly type: KeyType;
  readonly id: Uint8Array;
  readonly key: KeyObject;
}

export interface NoteSignature {
  readonly name: string;
  readonly id: Uint8Array;
  readonly signature: Uint8Array;
}

export interface SignedNote {
  /** What was signed; ends in a newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export const rawPublicKey = (publicKey: KeyObject): Buffer =>
  Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');

/** SHA-256(name || "\n" || type || public key), its first four bytes. */
export function keyId(name: string, type: KeyType, raw: Uint8Array): Buffer {
  return createHash('sha256').update(`${name}\n`).update(Uint8Array.of(type)).update(raw).digest().subarray(0, 4);
}

/** The verifier key of a signing key under a name, as text. */
export function verifierKeyOf(name: string, privateKey: KeyObject, type: KeyType = SIGNER): string {
  const raw = rawPublicKey(createPublicKey(privateKey));
  const typed = Buffer.concat([Uint8Array.of(type), raw]).toString('base64');
  return `${name}+${keyId(name, type, raw).toString('hex')}+${typed}`;
}

/** @throws SyntaxError for what is no Ed25519 verifier key, of a log or of a witness */
export function parseVerifierKey(text: string): VerifierKey {
  const [, name, id, typed] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim()) ?? [];
  const bytes = Buffer.from(typed ?? '', 'base64');
  const type = bytes[0];
  if (name === undefined || bytes.length !== 33 || (type !== SIGNER && type !== COSIGNER)) {
    throw new SyntaxError('this is no verifier key');
  }
  const raw = bytes.subarray(1);
  if (keyId(name, type, raw).toString('hex') !== id) {
    throw new SyntaxError('the id of this verifier key is not its own');
  }
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' });
  return { name, type, id: keyId(name, type, raw), key };
}

/** One signature line, without its newline. */
export function signatureLine(name: string, id: Uint8Array, signature: Uint8Array): string {
  return `${DASH} ${name} ${Buffer.concat([id, signature]).toString('base64')}`;
}

/**
 * @param text ends in a newline, holds no empty line
 * @returns the note; ends in a newline
 */
export function signNote(text: string, name: string, privateKey: KeyObject): string {
  const id = keyId(name, SIGNER, rawPublicKey(createPublicKey(privateKey)));
  return `${text}\n${signatureLine(name, id, sign(null, Buffer.from(text, 'utf8'), privateKey))}\n`;
}

function signatureOf(line: string): NoteSignature {
  const [, name, encoded] = new RegExp(`^${DASH} ([^\\s+]+) ([A-Za-z0-9+/=]+)$`).exec(line) ?? [];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (name === undefined || bytes.length < 5) throw new SyntaxError('a signature line is not one of a signed note');
  return { name, id: bytes.subarray(0, 4), signature: bytes.subarray(4) };
}

/** Reads a note, whoever signed it. @throws SyntaxError */
export function parseNote(note: string): SignedNote {
  const split = note.indexOf('\n\n');
  if (split < 1 || !note.endsWith('\n')) throw new SyntaxError('this is no signed note');
  const lines = note.slice(split + 2, -1).split('\n');
  return { text: note.slice(0, split + 1), signatures: lines.map(signatureOf) };
}

/** Whether the key, under its name, signed this note. */
export function isSignedBy({ text, signatures }: SignedNote, { name, id, key, type }: VerifierKey): boolean {
  return signatures.some(
    (one) =>
      type === SIGNER &&
      one.name === name &&
      Buffer.from(one.id).equals(id) &&
      one.signature.length === 64 &&
      verify(null, Buffer.from(text, 'utf8'), key, one.signature),
  );
}

/** Whether a line begins a signature; what follows the last one is the next note. */
export const isSignatureLine = (line: string): boolean => line.startsWith(`${DASH} `);
