import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { AssetKind, ConsentLevel, LaneNeeds, ShotSettings, ShotState } from '@understudy/contracts';
import { consentRecord, RecordSeals, sealRows, type Sql } from '@understudy/db';
import type { Candidate } from './submission-rules.js';

export interface SubmittedAsset {
  readonly id: string;
  readonly kind: AssetKind;
  readonly sha256: string;
  readonly complete: boolean;
  /** Of a plate that was probed before. */
  readonly frames: number | null;
}

export interface NewCastMember {
  readonly cast: number;
  readonly platePerformerId: string;
  readonly plateReferenceAssetIds: readonly string[];
  readonly plateConsentId: string;
  readonly identityPerformerId: string;
  readonly identityAssetIds: readonly string[];
  readonly identityConsentId: string;
}

export interface NewShotVersion {
  readonly shotId: string;
  readonly plateAssetId: string;
  readonly settings: ShotSettings;
  readonly priority: number;
  readonly createdBy: string;
  readonly needs: LaneNeeds;
  /** Shots that must be ready first. */
  readonly waitsFor: readonly string[];
  readonly cast: readonly NewCastMember[];
  /** The caller's span. */
  readonly traceparent: string | undefined;
}

/** What a submission reads and writes. */
@Injectable()
export class SubmissionRepository {
  constructor(private readonly seals: RecordSeals) {}

  async project(sql: Sql, projectId: string): Promise<{ name: string; leastLevel: ConsentLevel } | null> {
    const [row] = await sql.query<{ name: string; leastLevel: ConsentLevel }>(
      'SELECT name, least_level::text AS "leastLevel" FROM projects WHERE id = $1',
      [projectId],
    );
    return row ?? null;
  }

  async assets(sql: Sql, projectId: string, assetIds: readonly string[]): Promise<Map<string, SubmittedAsset>> {
    const rows = await sql.query<SubmittedAsset>(
      `SELECT id, kind::text AS kind, sha256, complete, (media->>'frameCount')::int AS frames
         FROM assets WHERE project_id = $1 AND id = ANY($2::uuid[])`,
      [projectId, assetIds],
    );
    return new Map(rows.map((row) => [row.id, row]));
  }

  async performers(sql: Sql, projectId: string, performerIds: readonly string[]): Promise<Set<string>> {
    const rows = await sql.query<{ id: string }>(
      'SELECT id FROM performers WHERE project_id = $1 AND id = ANY($2::uuid[])',
      [projectId, performerIds],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Consents of these performers in the project, newest first, held as they are until the transaction ends. */
  async consents(sql: Sql, projectId: string, performerIds: readonly string[]): Promise<Candidate[]> {
    await sql.query(
      'SELECT 1 FROM consents WHERE project_id = $1 AND performer_id = ANY($2::uuid[]) ORDER BY id FOR SHARE',
      [projectId, performerIds],
    );
    const rows = await sql.query<Omit<Candidate, 'altered'> & { seal: string | null }>(
      `SELECT id, performer_id AS "performerId", role::text AS role, state::text AS state, level::text AS level, scope, holds::text[] AS holds,
              notice_elapses_at AS "noticeElapsesAt", notice_waived_by IS NOT NULL AS "noticeWaived",
              encode(seal, 'hex') AS seal
         FROM consents WHERE project_id = $1 AND performer_id = ANY($2::uuid[])
        ORDER BY created_at DESC, version DESC, id`,
      [projectId, performerIds],
    );
    return rows.map((row) => ({ ...row, altered: !this.seals.fits('consents', consentRecord(row), row.seal) }));
  }

  async now(sql: Sql): Promise<Date> {
    const [row] = await sql.query<{ now: Date }>('SELECT clock_timestamp() AS now');
    return (row as { now: Date }).now;
  }

  /** The project's shot of this name, made where there is none; its row is held, so that versions are counted in turn. */
  async shot(
    sql: Sql,
    { projectId, name, batchId }: { projectId: string; name: string; batchId: string | null },
    createdBy: string,
  ): Promise<string> {
    const [row] = await sql.query<{ id: string }>(
      `INSERT INTO shots AS s (id, project_id, name, batch_id, created_by) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (project_id, name) DO UPDATE SET batch_id = coalesce(excluded.batch_id, s.batch_id) RETURNING id`,
      [randomUUID(), projectId, name, batchId, createdBy],
    );
    return (row as { id: string }).id;
  }

  /** The project's batch of this name, made where there is none. Its row is not held: shots join side by side. */
  async batch(sql: Sql, projectId: string, name: string, createdBy: string): Promise<string> {
    await sql.query(
      `INSERT INTO batches (id, project_id, name, created_by) VALUES ($1, $2, $3, $4)
       ON CONFLICT (project_id, name) DO NOTHING`,
      [randomUUID(), projectId, name, createdBy],
    );
    const [row] = await sql.query<{ id: string }>('SELECT id FROM batches WHERE project_id = $1 AND name = $2', [
      projectId,
      name,
    ]);
    return (row as { id: string }).id;
  }

  /** The newest version of each of these shots of the project, held as it is until the transaction ends. */
  async standing(
    sql: Sql,
    projectId: string,
    shotIds: readonly string[],
  ): Promise<{ shotId: string; state: ShotState }[]> {
    return sql.query(
      `SELECT v.shot_id AS "shotId", v.state::text AS state FROM shot_versions v JOIN shots s ON s.id = v.shot_id
        WHERE s.project_id = $1 AND v.shot_id = ANY ($2::uuid[])
          AND v.version = (SELECT max(n.version) FROM shot_versions n WHERE n.shot_id = v.shot_id)
        ORDER BY v.id FOR SHARE OF v`,
      [projectId, shotIds],
    );
  }

  /** Whether one of these shots waits, itself or through others, for `shotId`. */
  async waitsFor(sql: Sql, shotIds: readonly string[], shotId: string): Promise<boolean> {
    const [row] = await sql.query<{ found: boolean }>(
      `WITH RECURSIVE chain(id) AS (
         SELECT unnest($1::uuid[])
         UNION
         SELECT unnest(v.waits_for) FROM chain JOIN shot_versions v ON v.shot_id = chain.id
          WHERE v.version = (SELECT max(n.version) FROM shot_versions n WHERE n.shot_id = v.shot_id))
       SELECT EXISTS (SELECT 1 FROM chain WHERE id = $2) AS found`,
      [shotIds, shotId],
    );
    return row?.found === true;
  }

  async addVersion(sql: Sql, version: NewShotVersion): Promise<{ id: string; version: number }> {
    const { shotId, plateAssetId, settings, priority, createdBy, needs, waitsFor, traceparent } = version;
    const [row] = await sql.query<{ id: string; version: number }>(
      `INSERT INTO shot_versions (id, shot_id, version, state, plate_asset_id, settings, priority, created_by,
                                  needs, waits_for, traceparent)
       SELECT $1, $2, coalesce(max(version), 0) + 1, 'ingesting', $3, $4::jsonb, $5, $6, $7::jsonb, $8::uuid[], $9
         FROM shot_versions WHERE shot_id = $2 RETURNING id, version`,
      [
        randomUUID(),
        shotId,
        plateAssetId,
        JSON.stringify(settings),
        priority,
        createdBy,
        JSON.stringify(needs),
        waitsFor,
        traceparent ?? null,
      ],
    );
    const made = row as { id: string; version: number };
    for (const member of version.cast) await this.#addMember(sql, made.id, member);
    await sealRows(sql, this.seals, 'cast_members', [made.id]);
    return made;
  }

  async #addMember(sql: Sql, shotVersionId: string, member: NewCastMember): Promise<void> {
    await sql.query(
      `INSERT INTO cast_members (shot_version_id, "cast", plate_performer_id, plate_reference_asset_ids, plate_consent_id,
                                 identity_performer_id, identity_asset_ids, identity_consent_id)
       VALUES ($1, $2, $3, $4::uuid[], $5, $6, $7::uuid[], $8)`,
      [
        shotVersionId,
        member.cast,
        member.platePerformerId,
        member.plateReferenceAssetIds,
        member.plateConsentId,
        member.identityPerformerId,
        member.identityAssetIds,
        member.identityConsentId,
      ],
    );
  }
}
