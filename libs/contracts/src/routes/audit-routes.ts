import { z } from 'zod';
import { AskErasure, AuditErasure, Restore } from '../audit-acts.js';
import { ConsentDecision } from '../consent.js';
import { Instant, Uuid } from '../ids.js';
import { AuditCheckpoint, AuditConsistency, AuditEvent, AuditProof, SignedEvidence } from '../shots.js';
import { Done, list, OfProject, type Route } from './route.js';

/** The audit log. */
export const AUDIT_ROUTES = {
  listAuditEvents: { method: 'GET', path: '/api/v1/audit/events', query: OfProject, response: list(AuditEvent) },
  getAuditCheckpoint: { method: 'GET', path: '/api/v1/audit/checkpoint', response: AuditCheckpoint },
  getAuditProof: { method: 'GET', path: '/api/v1/audit/events/:eventId/proof', response: AuditProof },
  getAuditConsistency: {
    method: 'GET',
    path: '/api/v1/audit/consistency',
    query: z.object({ from: z.coerce.number().int().min(1) }),
    response: AuditConsistency,
  },
  /** Of one project, or of all that the asker audits; of the period, where it is given, what was made and done in it. */
  getEvidence: {
    method: 'GET',
    path: '/api/v1/audit/evidence',
    query: z.object({ projectId: Uuid.optional(), from: Instant.optional(), to: Instant.optional() }),
    response: SignedEvidence,
  },
  /** Erasures that wait for a second person. */
  listErasures: { method: 'GET', path: '/api/v1/audit/erasures', query: OfProject, response: list(AuditErasure) },
  askErasure: { method: 'POST', path: '/api/v1/audit/erasures', body: AskErasure, response: AuditErasure },
  /** By another person than who asked: the values are deleted, the events and all proofs stay. */
  approveErasure: { method: 'POST', path: '/api/v1/audit/erasures/:erasureId/approve', response: AuditErasure },
  declineErasure: {
    method: 'POST',
    path: '/api/v1/audit/erasures/:erasureId/decline',
    body: ConsentDecision,
    response: Done,
  },
  /** Where the database and the log's anchor stand to each other. */
  getRestore: { method: 'GET', path: '/api/v1/audit/restore', response: Restore },
  /** Of one person: this database is meant to go on, although it is not the one that was anchored. */
  askRestore: { method: 'POST', path: '/api/v1/audit/restore/ask', body: ConsentDecision, response: Restore },
  /** Of another: leases are given again, and the anchors begin anew beside the old ones. */
  acceptRestore: { method: 'POST', path: '/api/v1/audit/restore/accept', body: ConsentDecision, response: Restore },
} as const satisfies Record<string, Route>;
