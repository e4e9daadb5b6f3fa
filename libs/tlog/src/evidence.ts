import { isSignedBy, parseNote, parseVerifierKey, signNote } from './note.js';
import { parseCheckpoint } from './checkpoint.js';
import { parseEvent } from './export-format.js';
import { RecordedRows, sha256Of } from './joins.js';
import { leafHash } from './merkle.js';
import { verifyInclusion } from './proof.js';
import type { KeyObject } from 'node:crypto';

/**
 * What a farm says of itself to an assessor, at one moment, signed by the key of its log. Everything about people and consents in
 * it follows from events whose places in the log are proved.
 */
export const EVIDENCE_FORMAT = 'understudy-evidence/1';

export interface ProvedEvent {
  /** Canonical JSON, exactly as it was hashed. */
  readonly event: string;
  readonly index: number;
  /** Hashes, hex, from the leaf up. */
  readonly proof: readonly string[];
}

export interface EvidenceUse {
  readonly shot: string;
  readonly shotId: string;
  readonly shotVersionId: string;
  readonly version: number;
  readonly state: string;
  readonly cast: number;
  /** Of the delivery; null while the plate is not probed. */
  readonly frames: number | null;
  /** In accepted segments. */
  readonly renderedFrames: number;
  readonly submittedAt: string;
  readonly delivery: {
    readonly id: string;
    readonly state: string;
    readonly sha256: string;
    readonly releasedBy: string | null;
    readonly releasedAt: string | null;
  } | null;
}

export interface EvidenceConsent {
  readonly id: string;
  readonly lineageId: string;
  readonly projectId: string;
  readonly performer: string;
  readonly validFrom: string;
  readonly validUntil: string;
  readonly requestedBy: string;
  readonly activatedBy: string | null;
  readonly waivers: readonly string[];
  readonly noticeElapsesAt: string | null;
  /** What the log recorded of it, and its scope in words. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly scope: Readonly<Record<string, unknown>>;
  readonly uses: readonly EvidenceUse[];
}

export interface EvidencePerson {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly farmRoles: readonly string[];
  readonly createdAt: string;
  readonly disabledAt: string | null;
  /** The newest event of theirs in the log. */
  readonly lastActAt: string | null;
  readonly grants: readonly {
    readonly projectId: string;
    readonly role: string;
    readonly grantedBy: string;
    readonly at: string;
  }[];
  readonly tokens: readonly {
    readonly id: string;
    readonly kind: string;
    readonly createdAt: string;
    readonly expiresAt: string | null;
    readonly revokedAt: string | null;
  }[];
}

export interface EvidenceWorker {
  readonly id: string;
  readonly name: string;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly disabledAt: string | null;
  readonly lanes: number;
  readonly lastSeenAt: string | null;
}

export interface Evidence {
  readonly format: typeof EVIDENCE_FORMAT;
  /** The software that wrote it. */
  readonly version: string;
  readonly at: string;
  readonly origin: string;
  readonly verifierKey: string;
  /** The signed checkpoint that all proofs lead to. */
  readonly checkpoint: string;
  readonly asked: {
    readonly by: string;
    readonly from: string | null;
    readonly to: string | null;
  };
  readonly policies: {
    readonly roles: readonly {
      readonly role: string;
      readonly may: readonly { readonly subject: string; readonly actions: readonly string[]; readonly of: string }[];
    }[];
    readonly consentReasons: readonly string[];
    /** As the last start of the coordinator recorded them; null where there was none. */
    readonly settings: Readonly<Record<string, unknown>> | null;
  };
  readonly projects: readonly {
    readonly id: string;
    readonly name: string;
    readonly profile: string;
    readonly leastLevel: string;
  }[];
  readonly people: readonly EvidencePerson[];
  readonly workers: readonly EvidenceWorker[];
  readonly consents: readonly EvidenceConsent[];
  /** Every event about these consents, and of the period those of grants, deliveries and deletions; in the log's order. */
  readonly events: readonly ProvedEvent[];
}

export interface EvidenceFault {
  /** Where: `note`, `checkpoint`, an event's or a consent's id. */
  readonly at: string;
  readonly message: string;
}

const noteText = (origin: string, evidence: string): string => `${EVIDENCE_FORMAT}\n${origin}\n${sha256Of(evidence)}\n`;

/** A signed note over the evidence's exact text, under the log's name and key. */
export function signEvidence(evidence: string, origin: string, privateKey: KeyObject): string {
  return signNote(noteText(origin, evidence), origin, privateKey);
}

/**
 * Verifies evidence by itself: the log's key signed it, the checkpoint is that log's, each event has the place that it claims,
 * and the consents are what their events say. Needs no server.
 *
 * @param verifierKey the log's key as it came another way; without it the one in the evidence
 * @throws SyntaxError for what is no evidence
 */
export function verifyEvidence(
  text: string,
  note: string,
  verifierKey?: string,
): { evidence: Evidence; faults: EvidenceFault[] } {
  const evidence = JSON.parse(text) as Evidence;
  if (evidence.format !== EVIDENCE_FORMAT) throw new SyntaxError('this format of evidence is not known');
  const key = parseVerifierKey(verifierKey ?? evidence.verifierKey);
  const faults: EvidenceFault[] = [];
  const signed = parseNote(note);
  if (signed.text !== noteText(evidence.origin, text)) {
    faults.push({ at: 'note', message: 'the evidence is not the one that was signed' });
  }
  if (!isSignedBy(signed, key)) faults.push({ at: 'note', message: "the evidence is not signed by the log's key" });
  const checkpoint = parseCheckpoint(evidence.checkpoint);
  if (checkpoint.origin !== evidence.origin || !isSignedBy(checkpoint, key)) {
    faults.push({ at: 'checkpoint', message: "the checkpoint is not of this log or not signed by the log's key" });
  }
  const recorded = new RecordedRows();
  for (const { event, index, proof } of evidence.events) {
    const leaf = leafHash(Buffer.from(event, 'utf8'));
    const path = proof.map((hash) => Buffer.from(hash, 'hex'));
    const parsed = parseEvent(event);
    if (!verifyInclusion(leaf, index, checkpoint.size, path, checkpoint.root)) {
      faults.push({ at: parsed.id, message: `${parsed.action} is not entry ${index} of the log` });
    }
    if (parsed.action.startsWith('consent.')) recorded.apply(parsed);
  }
  for (const { id, values } of evidence.consents) {
    for (const { message } of recorded.check({ kind: 'row', table: 'consents', id, values })) {
      faults.push({ at: id, message });
    }
  }
  return { evidence, faults };
}
