import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type LaneNeeds, ShotSettings, type ShotState } from '@understudy/contracts';
import { RecordSeals, sealRows, segmentRecord, type Sql } from '@understudy/db';
import type { NewCastMember } from './submission.repository.js';

/** The version that a partial one begins from. */
export interface BaseVersion {
  readonly id: string;
  readonly state: ShotState;
  readonly plateAssetId: string;
  readonly settings: ShotSettings;
  readonly priority: number;
  readonly frames: number | null;
  readonly analysisId: string | null;
  readonly parityClass: string | null;
  readonly needs: LaneNeeds;
  readonly waivers: readonly string[];
  readonly cast: readonly (NewCastMember & { readonly tracks: readonly number[] })[];
}

/** A shard of the base. */
export interface BaseShard {
  readonly taskId: string;
  readonly startFrame: number;
  readonly endFrame: number;
}

export interface PartialVersion {
  readonly base: BaseVersion;
  readonly settings: ShotSettings;
  readonly needs: LaneNeeds;
  readonly waivers: readonly string[];
  readonly priority: number;
  readonly createdBy: string;
  /** Of what is taken over, which the frames that are rendered anew are joined with; null where nothing is. */
  readonly parityClass: string | null;
}

export interface ReusedSegment {
  readonly taskId: string;
  readonly baseTaskId: string;
  readonly epoch: number;
  readonly sha256: string;
  readonly frames: number;
}

const BASE = `
  SELECT v.id, v.state::text AS state, v.plate_asset_id AS "plateAssetId", v.settings, v.priority, v.frames,
         v.analysis_id AS "analysisId", v.parity_class AS "parityClass", v.needs, v.waivers,
         coalesce((
           SELECT jsonb_agg(jsonb_build_object('cast', m."cast", 'platePerformerId', m.plate_performer_id,
             'plateReferenceAssetIds', m.plate_reference_asset_ids, 'plateConsentId', m.plate_consent_id,
             'identityPerformerId', m.identity_performer_id, 'identityAssetIds', m.identity_asset_ids,
             'identityConsentId', m.identity_consent_id, 'tracks', m.tracks) ORDER BY m."cast")
           FROM cast_members m WHERE m.shot_version_id = v.id), '[]') AS "cast"
    FROM shot_versions v WHERE v.shot_id = $1 ORDER BY v.version DESC LIMIT 1 FOR NO KEY UPDATE OF v`;

const SHARDS = `
  SELECT id AS "taskId", start_frame AS "startFrame", end_frame AS "endFrame" FROM tasks
   WHERE shot_version_id = $1 AND kind = 'render' ORDER BY start_frame`;

const ADD_VERSION = `
  INSERT INTO shot_versions (id, shot_id, version, state, plate_asset_id, settings, priority, analysis_id, parity_class,
                             frames, waivers, created_by, needs)
  SELECT $1, b.shot_id, b.version + 1, 'planning', b.plate_asset_id, $3::jsonb, $4, b.analysis_id, $8,
         b.frames, $5::text[], $6, $7::jsonb
    FROM shot_versions b WHERE b.id = $2 RETURNING version`;

const ADD_CAST = `
  INSERT INTO cast_members (shot_version_id, "cast", plate_performer_id, plate_reference_asset_ids, plate_consent_id,
                            identity_performer_id, identity_asset_ids, identity_consent_id, tracks)
  SELECT $1, "cast", plate_performer_id, plate_reference_asset_ids, plate_consent_id, identity_performer_id,
         identity_asset_ids, identity_consent_id, tracks
    FROM cast_members WHERE shot_version_id = $2`;

/** Accepted from the start: the task holds no attempt of its own, its segment says whose it was. */
const TAKE = `
  WITH r AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS r("taskId" uuid, "baseTaskId" uuid, epoch int,
      sha256 text, frames int, seal text)),
  taken AS (
    INSERT INTO tasks (id, kind, shot_version_id, asset_id, start_frame, end_frame, state, priority)
    SELECT r."taskId", 'render', $2, t.asset_id, t.start_frame, t.end_frame, 'accepted', $3
      FROM r JOIN tasks t ON t.id = r."baseTaskId" RETURNING id)
  INSERT INTO segments (task_id, epoch, sha256, bytes, frames, frame_hashes, reused_from, seal)
  SELECT taken.id, r.epoch, r.sha256, g.bytes, r.frames, g.frame_hashes, coalesce(g.reused_from, g.task_id),
         decode(r.seal, 'hex')
    FROM taken JOIN r ON r."taskId" = taken.id JOIN segments g ON g.task_id = r."baseTaskId"`;

/** What a version that renders some frames anew reads of the one before, and writes. */
@Injectable()
export class ResubmissionRepository {
  constructor(private readonly seals: RecordSeals) {}

  /** The shot's newest version, held as it is until the transaction ends. */
  async base(sql: Sql, shotId: string): Promise<BaseVersion | null> {
    // Versions of a shot are counted in turn.
    await sql.query('SELECT 1 FROM shots WHERE id = $1 FOR NO KEY UPDATE', [shotId]);
    const [row] = await sql.query<BaseVersion & { settings: unknown }>(BASE, [shotId]);
    return row === undefined ? null : { ...row, settings: ShotSettings.parse(row.settings) };
  }

  async shards(sql: Sql, shotVersionId: string): Promise<BaseShard[]> {
    return sql.query<BaseShard>(SHARDS, [shotVersionId]);
  }

  /** Whoever calls this has seen that the base's cast is what was recorded: its copy bears a seal of its own. */
  async addVersion(sql: Sql, partial: PartialVersion): Promise<{ id: string; version: number }> {
    const { base, settings, priority, waivers, createdBy, needs, parityClass } = partial;
    const id = randomUUID();
    const values = [JSON.stringify(settings), priority, waivers, createdBy, JSON.stringify(needs), parityClass];
    const [row] = await sql.query<{ version: number }>(ADD_VERSION, [id, base.id, ...values]);
    await sql.query(ADD_CAST, [id, base.id]);
    await sealRows(sql, this.seals, 'cast_members', [id]);
    return { id, version: (row as { version: number }).version };
  }

  async take(sql: Sql, shotVersionId: string, priority: number, segments: readonly ReusedSegment[]): Promise<void> {
    const rows = segments.map((segment) => ({ ...segment, seal: this.seals.of('segments', segmentRecord(segment)) }));
    await sql.query(TAKE, [JSON.stringify(rows), shotVersionId, priority]);
  }
}
