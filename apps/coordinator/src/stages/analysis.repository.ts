import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { AnalysisPacks } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { TemplateVault } from '../sealing/template-vault.js';

/** The models and settings that make an analysis; changes with whatever changes its result. */
export const ANALYSIS_KEY = 'understudy-faces/2';

/** The same for an analysis with packs, which the plan of its shot has pinned. */
export function analysisKeyOf({ detector, landmarks }: AnalysisPacks): string {
  const packs = Object.entries({ detector, landmarks }).filter(([, pack]) => pack !== undefined);
  return [ANALYSIS_KEY, ...packs.map(([slot, pack]) => `${slot}=${pack?.sha256}`)].join('+');
}

/** States of a version that has still to be matched by the templates of its analysis. */
const BEFORE_PLANNED = ['ingesting', 'analysing', 'linking', 'planning', 'held'];

/** A covered performer's tracks are kept, for later versions of the shot, while one of their consents has not ended. */
const PLATE_CONSENT_LIVES = `EXISTS (
  SELECT 1 FROM consents o WHERE o.performer_id = c.plate_performer_id
     AND o.state IN ('draft', 'pending_signature', 'pending_review', 'active', 'suspended'))`;

export interface AnalysisTrack {
  readonly track: number;
  readonly startFrame: number;
  readonly endFrame: number;
  readonly faces: number;
  /** 512 little-endian float32; null where identity was never measured, or was dropped. */
  readonly template: Uint8Array | null;
  /** Which model read the template; null only where there is none. */
  readonly recogniser: string | null;
  readonly uncertainFrames: readonly number[];
  /** Frames in which another face is in front of it. */
  readonly behindFrames: readonly number[];
}

export interface LinkedAnalysis {
  readonly sha256: string;
  readonly bytes: number;
  readonly tracks: readonly AnalysisTrack[];
}

@Injectable()
export class AnalysisRepository {
  constructor(private readonly vault: TemplateVault) {}

  /**
   * The analysis for a shot version: a finished one of the same plate and key where it still says what is needed,
   * otherwise a row of the version's own. A row is linked once and never again, so what a plan pinned stays as it was.
   */
  async claim(
    sql: Sql,
    wanted: { shotVersionId: string; plateAssetId: string; needsTemplates: boolean; packs: AnalysisPacks },
  ): Promise<{ id: string; reused: boolean }> {
    const { shotVersionId, plateAssetId, needsTemplates } = wanted;
    const key = analysisKeyOf(wanted.packs);
    const [finished] = await sql.query<{ id: string }>(
      `SELECT id FROM analyses
        WHERE plate_asset_id = $1 AND (key = $2 OR starts_with(key, $2 || '#')) AND linked_at IS NOT NULL
          AND (templates_dropped_at IS NULL OR NOT $3::boolean)
        ORDER BY linked_at DESC, id LIMIT 1 FOR UPDATE`,
      [plateAssetId, key, needsTemplates],
    );
    if (finished !== undefined) return { id: finished.id, reused: true };
    const [own] = await sql.query<{ id: string }>(
      `INSERT INTO analyses (id, plate_asset_id, key) VALUES ($1, $2, $3)
       ON CONFLICT (plate_asset_id, key) DO UPDATE SET key = excluded.key RETURNING id`,
      [randomUUID(), plateAssetId, `${key}#${shotVersionId}`],
    );
    return { id: (own as { id: string }).id, reused: false };
  }

  /** @returns false, and nothing is changed, when the analysis was linked before. */
  async link(sql: Sql, analysisId: string, linked: LinkedAnalysis): Promise<boolean> {
    const [row] = await sql.query<{ projectId: string }>(
      `UPDATE analyses n SET sha256 = $2, bytes = $3, linked_at = now() FROM assets p
        WHERE n.id = $1 AND n.linked_at IS NULL AND p.id = n.plate_asset_id RETURNING p.project_id AS "projectId"`,
      [analysisId, linked.sha256, linked.bytes],
    );
    if (row === undefined) return false;
    for (const one of linked.tracks) {
      const { track, startFrame, endFrame, faces, template, recogniser, uncertainFrames, behindFrames } = one;
      await sql.query(
        `INSERT INTO tracks (analysis_id, track, start_frame, end_frame, faces, template, uncertain_frames, recogniser, behind_frames)
         VALUES ($1, $2, $3, $4, $5, $6, $7::int[], $8, $9::int[])`,
        [
          analysisId,
          track,
          startFrame,
          endFrame,
          faces,
          template === null ? null : Buffer.from(this.vault.seal(row.projectId, template)),
          uncertainFrames,
          recogniser,
          behindFrames,
        ],
      );
    }
    return true;
  }

  async tracks(sql: Sql, analysisId: string): Promise<AnalysisTrack[]> {
    const rows = await sql.query<AnalysisTrack & { projectId: string }>(
      `SELECT t.track, t.start_frame AS "startFrame", t.end_frame AS "endFrame", t.faces, t.template, t.recogniser,
              t.uncertain_frames AS "uncertainFrames", t.behind_frames AS "behindFrames", p.project_id AS "projectId"
         FROM tracks t JOIN analyses n ON n.id = t.analysis_id JOIN assets p ON p.id = n.plate_asset_id
        WHERE t.analysis_id = $1 ORDER BY t.track`,
      [analysisId],
    );
    return rows.map(({ projectId, template, ...track }) => ({
      ...track,
      template: template === null ? null : this.vault.open(projectId, template),
    }));
  }

  /** Hashes of the accepted results of a version's analyse tasks, in order of their ranges. */
  async observationTables(sql: Sql, shotVersionId: string): Promise<string[]> {
    const rows = await sql.query<{ sha256: string }>(
      `SELECT a.result->>'sha256' AS sha256 FROM tasks t JOIN attempts a ON a.task_id = t.id AND a.state = 'accepted'
        WHERE t.shot_version_id = $1 AND t.kind = 'analyse' AND t.state = 'accepted' ORDER BY t.start_frame`,
      [shotVersionId],
    );
    return rows.map(({ sha256 }) => sha256);
  }

  /** Analyses whose versions are all planned or over, and that still hold templates of people whom no consent binds to them. */
  async withNeedlessTemplates(sql: Sql): Promise<string[]> {
    const rows = await sql.query<{ id: string }>(
      `SELECT DISTINCT n.id FROM analyses n JOIN tracks t ON t.analysis_id = n.id AND t.template IS NOT NULL
        WHERE NOT EXISTS (SELECT 1 FROM shot_versions v WHERE v.analysis_id = n.id AND v.state = ANY($1::shot_state[]))
          AND NOT EXISTS (SELECT 1 FROM shot_versions v JOIN cast_members c ON c.shot_version_id = v.id
                           WHERE v.analysis_id = n.id AND t.track = ANY(c.tracks) AND ${PLATE_CONSENT_LIVES})`,
      [BEFORE_PLANNED],
    );
    return rows.map(({ id }) => id);
  }

  /** Drops the templates of people outside every cast, and of those whose consents have ended, unless a version has still to be matched by them. */
  async dropTemplates(sql: Sql, analysisId: string): Promise<number> {
    await sql.query('SELECT 1 FROM analyses WHERE id = $1 FOR UPDATE', [analysisId]);
    const dropped = await sql.query(
      `UPDATE tracks t SET template = NULL
        WHERE t.analysis_id = $1 AND t.template IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM shot_versions v WHERE v.analysis_id = $1 AND v.state = ANY($2::shot_state[]))
          AND NOT EXISTS (SELECT 1 FROM shot_versions v JOIN cast_members c ON c.shot_version_id = v.id
                           WHERE v.analysis_id = $1 AND t.track = ANY(c.tracks) AND ${PLATE_CONSENT_LIVES})
        RETURNING t.track`,
      [analysisId, BEFORE_PLANNED],
    );
    if (dropped.length > 0) {
      await sql.query('UPDATE analyses SET templates_dropped_at = now() WHERE id = $1', [analysisId]);
    }
    return dropped.length;
  }

  /** Analyse results, which hold every face's embedding, of versions past their plan and not yet deleted. */
  async needlessTables(sql: Sql): Promise<{ projectId: string; sha256: string }[]> {
    return sql.query(
      `SELECT DISTINCT t.project_id AS "projectId", a.result->>'sha256' AS sha256
         FROM tasks t JOIN attempts a ON a.task_id = t.id
         JOIN shot_versions v ON v.id = t.shot_version_id
        WHERE t.kind = 'analyse' AND a.result ? 'sha256' AND NOT (a.result ? 'deletedAt')
          AND NOT v.state = ANY($1::shot_state[])
          AND NOT EXISTS (
            SELECT 1 FROM attempts b JOIN tasks u ON u.id = b.task_id JOIN shot_versions w ON w.id = u.shot_version_id
             WHERE u.kind = 'analyse' AND u.project_id = t.project_id AND b.result->>'sha256' = a.result->>'sha256'
               AND w.state = ANY($1::shot_state[]))
        LIMIT 1000`,
      [BEFORE_PLANNED],
    );
  }

  async markTableDeleted(sql: Sql, projectId: string, sha256: string): Promise<void> {
    await sql.query(
      `UPDATE attempts SET result = result || jsonb_build_object('deletedAt', now())
        WHERE result->>'sha256' = $1 AND task_id IN (SELECT id FROM tasks WHERE kind = 'analyse' AND project_id = $2)`,
      [sha256, projectId],
    );
  }
}
