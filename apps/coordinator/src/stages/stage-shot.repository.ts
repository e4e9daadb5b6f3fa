import { Injectable } from '@nestjs/common';
import { ShotSettings, type ProjectProfile, type ShotState } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { plateInfoSchema, type PlateInfo } from '@understudy/media';

/** A shot version as the stages see it. */
export interface StageShot {
  readonly id: string;
  readonly shotId: string;
  readonly shotName: string;
  readonly state: ShotState;
  readonly settings: ShotSettings;
  readonly priority: number;
  readonly frames: number | null;
  readonly analysisId: string | null;
  /** Everybody who submitted this version, or one before it, of which it takes over the cast and frames. */
  readonly submitters: readonly string[];
  readonly project: { readonly id: string; readonly name: string; readonly profile: ProjectProfile };
  readonly plate: StoredClip;
  /** Null for a shot without one. */
  readonly matte: StoredClip | null;
}

export interface StoredClip {
  readonly assetId: string;
  readonly sha256: string;
  /** What was found in it; null before it was looked at. */
  readonly media: PlateInfo | null;
}

interface Row {
  id: string;
  shotId: string;
  shotName: string;
  state: ShotState;
  settings: unknown;
  priority: number;
  frames: number | null;
  analysisId: string | null;
  submitters: string[];
  projectId: string;
  projectName: string;
  profile: ProjectProfile;
  plate: ClipRow;
  matte: ClipRow | null;
}

interface ClipRow {
  assetId: string;
  sha256: string;
  media: unknown;
}

const clipOf = (table: string): string =>
  `jsonb_build_object('assetId', ${table}.id, 'sha256', ${table}.sha256, 'media', ${table}.media)`;

export interface CastRow {
  readonly cast: number;
  readonly platePerformerId: string;
  readonly plateReferenceAssetIds: readonly string[];
  readonly identityPerformerId: string;
  readonly identityAssetIds: readonly string[];
  readonly tracks: readonly number[];
}

@Injectable()
export class StageShotRepository {
  /** @param lock holds the version's row to the end of the transaction */
  async find(sql: Sql, shotVersionId: string, options: { lock?: boolean } = {}): Promise<StageShot | null> {
    const [row] = await sql.query<Row>(
      `SELECT v.id, v.shot_id AS "shotId", s.name AS "shotName", v.state::text AS state, v.settings, v.priority, v.frames,
              v.analysis_id AS "analysisId", submitters_of(v.id) AS submitters, p.id AS "projectId", p.name AS "projectName",
              p.profile::text AS profile, ${clipOf('a')} AS plate,
              CASE WHEN m.id IS NOT NULL THEN ${clipOf('m')} END AS matte
         FROM shot_versions v
         JOIN shots s ON s.id = v.shot_id
         JOIN projects p ON p.id = s.project_id
         JOIN assets a ON a.id = v.plate_asset_id
         LEFT JOIN assets m ON m.id = (v.settings->>'matteAssetId')::uuid
        WHERE v.id = $1 ${options.lock === true ? 'FOR NO KEY UPDATE OF v' : ''}`,
      [shotVersionId],
    );
    if (row === undefined) return null;
    const { projectId, projectName, profile, plate, matte, settings, ...rest } = row;
    return {
      ...rest,
      settings: ShotSettings.parse(settings),
      project: { id: projectId, name: projectName, profile },
      plate: storedClip(plate),
      matte: matte === null ? null : storedClip(matte),
    };
  }

  async cast(sql: Sql, shotVersionId: string): Promise<CastRow[]> {
    return sql.query<CastRow>(
      `SELECT "cast", plate_performer_id AS "platePerformerId", plate_reference_asset_ids AS "plateReferenceAssetIds",
              identity_performer_id AS "identityPerformerId", identity_asset_ids AS "identityAssetIds", tracks
         FROM cast_members WHERE shot_version_id = $1 ORDER BY "cast"`,
      [shotVersionId],
    );
  }
}

function storedClip({ media, ...clip }: ClipRow): StoredClip {
  return { ...clip, media: media === null ? null : plateInfoSchema.parse(media) };
}
