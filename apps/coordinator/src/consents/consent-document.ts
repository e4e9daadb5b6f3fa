import { createHash } from 'node:crypto';
import { canonicalJson, type ConsentDocument, UnderstudyError } from '@understudy/contracts';
import { isSignedWithEd25519 } from '../platform/ed25519.js';

const PUBLIC_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

const invalid = (what: string): UnderstudyError =>
  new UnderstudyError('CONSENT_DOCUMENT_INVALID', `The consent document is not valid: ${what}.`);

/**
 * Checks that a document is whole: signed over the canonical JSON of its statement by the key that it names, with a
 * window in time and one party a role. Members that the format does not know are not part of what was signed.
 *
 * @returns SHA-256 of the whole document's canonical JSON, hex
 * @throws UnderstudyError CONSENT_DOCUMENT_INVALID
 */
export function checkDocument(document: ConsentDocument): string {
  const { statement, attestation } = document;
  const signature = Buffer.from(attestation.signature, 'base64');
  if (signature.length !== SIGNATURE_BYTES) throw invalid('its signature is not one of Ed25519');
  const publicKey = Buffer.from(attestation.publicKey, 'base64');
  if (publicKey.length !== PUBLIC_KEY_BYTES) throw invalid('its public key is not one of Ed25519');
  const signed = Buffer.from(canonicalJson(statement), 'utf8');
  if (!isSignedWithEd25519(publicKey, signed, signature)) {
    throw invalid('its signature does not fit its statement; it was changed after it was signed');
  }
  const { validFrom, validUntil } = statement.scope;
  if (Date.parse(validUntil) <= Date.parse(validFrom)) throw invalid('it ends before it begins');
  if (new Set(statement.parties.map((party) => party.role)).size < statement.parties.length) {
    throw invalid('two parties have the same role');
  }
  return createHash('sha256').update(canonicalJson(document)).digest('hex');
}

/**
 * What ties the versions of one party's consent together: the statement's id and the role within a project, as a UUID
 * (RFC 9562, version 8).
 */
export function lineageOf(projectId: string, statementId: string, role: string): string {
  const hash = createHash('sha256').update(`consent lineage\n${projectId}\n${statementId}\n${role}`).digest();
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x80, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = hash.toString('hex', 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
