import { Injectable } from '@nestjs/common';
import { canonicalJson } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import {
  type EvidenceConsent,
  type EvidencePerson,
  type EvidenceUse,
  type EvidenceWorker,
  sha256Of,
} from '@understudy/tlog';

/** An instant as the API writes it. */
const iso = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

export interface Period {
  readonly from: Date | null;
  readonly to: Date | null;
}

export interface PlacedEvent {
  readonly event: string;
  readonly index: number;
}

const CONSENTS = `
  SELECT c.id, c.lineage_id AS "lineageId", c.project_id AS "projectId", p.name AS performer, c.scope,
         ${iso('c.valid_from')} AS "validFrom", ${iso('c.valid_until')} AS "validUntil",
         c.requested_by AS "requestedBy", c.activated_by AS "activatedBy", c.waivers,
         ${iso('c.notice_elapses_at')} AS "noticeElapsesAt",
         jsonb_build_object('state', c.state, 'version', c.version, 'role', c.role, 'level', c.level,
           'documentSha256', c.document_sha256, 'performerId', c.performer_id, 'holds', c.holds) AS values
    FROM consents c JOIN performers p ON p.id = c.performer_id
   WHERE c.project_id = ANY ($1::uuid[]) ORDER BY c.created_at, c.id`;

const USES = `
  SELECT u.consent AS "consentId", s.name AS shot, s.id AS "shotId", v.id AS "shotVersionId", v.version, v.state::text AS state,
         m."cast", v.frames, ${iso('v.created_at')} AS "submittedAt",
         coalesce((SELECT sum(g.frames) FROM segments g JOIN tasks t ON t.id = g.task_id
                    WHERE t.shot_version_id = v.id), 0)::int AS "renderedFrames",
         CASE WHEN d.id IS NOT NULL THEN jsonb_build_object('id', d.id, 'state', d.state, 'sha256', d.sha256,
           'releasedBy', d.released_by, 'releasedAt', ${iso('d.released_at')}) END AS delivery
    FROM cast_members m
   CROSS JOIN LATERAL (SELECT DISTINCT unnest(ARRAY[m.identity_consent_id, m.plate_consent_id]) AS consent) u
    JOIN shot_versions v ON v.id = m.shot_version_id JOIN shots s ON s.id = v.shot_id
    LEFT JOIN deliveries d ON d.shot_version_id = v.id
   WHERE s.project_id = ANY ($1::uuid[])
     AND ($2::timestamptz IS NULL OR v.created_at >= $2) AND ($3::timestamptz IS NULL OR v.created_at < $3)
   ORDER BY v.created_at, v.id, m."cast"`;

/** Members of these projects, and whoever holds a role of the farm. */
const PEOPLE = `
  SELECT u.id, u.name, u.email, u.farm_roles::text[] AS "farmRoles", ${iso('u.created_at')} AS "createdAt",
         ${iso('u.disabled_at')} AS "disabledAt",
         (SELECT ${iso('max(e.at)')} FROM audit_events e WHERE e.actor = 'user:' || u.id) AS "lastActAt",
         coalesce((SELECT jsonb_agg(jsonb_build_object('projectId', m.project_id, 'role', m.role, 'grantedBy', m.granted_by,
                     'at', ${iso('m.created_at')}) ORDER BY m.created_at, m.role)
                     FROM memberships m WHERE m.user_id = u.id AND m.project_id = ANY ($1::uuid[])), '[]') AS grants,
         coalesce((SELECT jsonb_agg(jsonb_build_object('id', t.id, 'kind', t.kind, 'createdAt', ${iso('t.created_at')},
                     'expiresAt', ${iso('t.expires_at')}, 'revokedAt', ${iso('t.revoked_at')}) ORDER BY t.created_at, t.id)
                     FROM tokens t WHERE t.user_id = u.id), '[]') AS tokens
    FROM users u
   WHERE cardinality(u.farm_roles) > 0
      OR EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = u.id AND m.project_id = ANY ($1::uuid[]))
   ORDER BY u.created_at, u.id`;

const WORKERS = `
  SELECT w.id, w.name, w.created_by AS "createdBy", ${iso('w.created_at')} AS "createdAt", ${iso('w.disabled_at')} AS "disabledAt",
         count(l.id)::int AS lanes, ${iso('max(l.last_seen_at)')} AS "lastSeenAt"
    FROM workers w LEFT JOIN lanes l ON l.worker_id = w.id GROUP BY w.id ORDER BY w.created_at, w.id`;

/**
 * Events of consents whenever they were: what a consent is follows from all of them. A restored database is every project's,
 * and its event no project's.
 */
const EVENTS = `
  SELECT e.canonical AS event, l.index::float8 AS index
    FROM audit_events e JOIN audit_leaves l ON l.event_sequence = e.sequence
   WHERE (e.project_id = ANY ($1::uuid[]) OR e.project_id IS NULL AND e.action LIKE 'log.restore%') AND l.index < $2
     AND (e.subject_type = 'Consent'
       OR (e.action ~ '^(access|membership|delivery|deletion|key_destruction|log|performer|personal_data|project)[.]'
           AND ($3::timestamptz IS NULL OR e.at >= $3) AND ($4::timestamptz IS NULL OR e.at < $4)))
   ORDER BY l.index`;

/** What evidence is made of; read in one snapshot. */
@Injectable()
export class EvidenceRepository {
  projects(sql: Sql, projectIds: readonly string[]) {
    return sql.query<{ id: string; name: string; profile: string; leastLevel: string }>(
      `SELECT id, name, profile::text AS profile, least_level::text AS "leastLevel" FROM projects
        WHERE id = ANY ($1::uuid[]) ORDER BY name, id`,
      [projectIds],
    );
  }

  people(sql: Sql, projectIds: readonly string[]): Promise<EvidencePerson[]> {
    return sql.query<EvidencePerson>(PEOPLE, [projectIds]);
  }

  workers(sql: Sql): Promise<EvidenceWorker[]> {
    return sql.query<EvidenceWorker>(WORKERS);
  }

  async consents(sql: Sql, projectIds: readonly string[], { from, to }: Period): Promise<EvidenceConsent[]> {
    const rows = await sql.query<Omit<EvidenceConsent, 'uses'>>(CONSENTS, [projectIds]);
    const uses = await sql.query<EvidenceUse & { consentId: string }>(USES, [projectIds, from, to]);
    const byConsent = new Map<string, EvidenceUse[]>();
    for (const { consentId, ...use } of uses) {
      const kept = byConsent.get(consentId);
      if (kept === undefined) byConsent.set(consentId, [use]);
      else kept.push(use);
    }
    return rows.map((row) => ({
      ...row,
      values: { ...row.values, scopeSha256: sha256Of(canonicalJson(row.scope)) },
      uses: byConsent.get(row.id) ?? [],
    }));
  }

  /** Those below `size`, in the log's order. */
  events(sql: Sql, projectIds: readonly string[], size: number, { from, to }: Period): Promise<PlacedEvent[]> {
    return sql.query<PlacedEvent>(EVENTS, [projectIds, size, from, to]);
  }

  /** Whether something happened to these projects' consents that has no place below `size` yet. */
  async isAhead(sql: Sql, projectIds: readonly string[], size: number): Promise<boolean> {
    const rows = await sql.query(
      `SELECT 1 FROM audit_events e LEFT JOIN audit_leaves l ON l.event_sequence = e.sequence
        WHERE e.project_id = ANY ($1::uuid[]) AND e.subject_type = 'Consent' AND (l.index IS NULL OR l.index >= $2) LIMIT 1`,
      [projectIds, size],
    );
    return rows.length > 0;
  }

  /** Those that the newest start wrote down. */
  async settings(sql: Sql): Promise<Record<string, unknown> | null> {
    const [row] = await sql.query<{ canonical: string }>(
      `SELECT canonical FROM audit_events WHERE action = 'coordinator.started' ORDER BY sequence DESC LIMIT 1`,
    );
    return row === undefined ? null : (JSON.parse(row.canonical) as { data: Record<string, unknown> }).data;
  }
}
