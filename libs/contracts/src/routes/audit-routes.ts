import { z } from 'zod';
import { Instant, Uuid } from '../ids.js';
import { AuditCheckpoint, AuditConsistency, AuditEvent, AuditProof, SignedEvidence } from '../shots.js';
import { list, OfProject, type Route } from './route.js';

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
} as const satisfies Record<string, Route>;
