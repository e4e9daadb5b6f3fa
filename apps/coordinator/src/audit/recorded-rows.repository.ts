import { Injectable } from '@nestjs/common';
import { canonicalJson } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { sha256Of } from '@understudy/tlog';

export interface RecordedRow {
  readonly table: string;
  readonly id: string;
  readonly values: Readonly<Record<string, unknown>>;
}

interface Page {
  readonly id: string;
  readonly values: Record<string, unknown>;
}

/** Rows of projects that the log speaks of; `$1` projects, `$2` after this id, in the order of ids. */
const OF_PROJECTS: Readonly<Record<string, string>> = {
  consents: `
    SELECT id::text AS id, jsonb_build_object('state', state, 'version', version, 'role', role, 'level', level,
             'documentSha256', document_sha256, 'performerId', performer_id, 'scope', scope, 'holds', holds) AS values
      FROM consents WHERE project_id = ANY ($1::uuid[])`,
  cast_members: `
    SELECT m.shot_version_id || '/' || m."cast" AS id, jsonb_build_object('identityConsentId', m.identity_consent_id,
             'plateConsentId', m.plate_consent_id, 'identityAssetIds', m.identity_asset_ids,
             'identityPerformerId', m.identity_performer_id, 'platePerformerId', m.plate_performer_id,
             'plateReferenceAssetIds', m.plate_reference_asset_ids, 'tracks', m.tracks) AS values
      FROM cast_members m JOIN shot_versions v ON v.id = m.shot_version_id JOIN shots s ON s.id = v.shot_id
     WHERE s.project_id = ANY ($1::uuid[])`,
  shot_versions: `
    SELECT v.id::text AS id, jsonb_build_object('plateAssetId', v.plate_asset_id,
             'matteAssetId', v.settings->'matteAssetId') AS values
      FROM shot_versions v JOIN shots s ON s.id = v.shot_id WHERE s.project_id = ANY ($1::uuid[])`,
  assets: `
    SELECT id::text AS id, jsonb_build_object('kind', kind, 'sha256', sha256, 'bytes', bytes) AS values
      FROM assets WHERE project_id = ANY ($1::uuid[]) AND kind <> 'still'`,
  segments: `
    SELECT g.task_id::text AS id,
           jsonb_build_object('sha256', g.sha256, 'frames', g.frames, 'epoch', g.epoch) AS values
      FROM segments g JOIN tasks t ON t.id = g.task_id
      JOIN shot_versions v ON v.id = t.shot_version_id JOIN shots s ON s.id = v.shot_id
     WHERE s.project_id = ANY ($1::uuid[])`,
  deliveries: `
    SELECT d.id::text AS id, jsonb_build_object('state', d.state, 'sha256', d.sha256) AS values
      FROM deliveries d JOIN shot_versions v ON v.id = d.shot_version_id JOIN shots s ON s.id = v.shot_id
     WHERE s.project_id = ANY ($1::uuid[])`,
  key_destructions: `
    SELECT k.id::text AS id, jsonb_build_object('projectId', k.project_id, 'approved', k.approved_by IS NOT NULL,
             'declined', k.declined_by IS NOT NULL, 'certified', k.used_at IS NOT NULL,
             'projectEnded', p.key_destroyed_at IS NOT NULL) AS values
      FROM key_destructions k JOIN projects p ON p.id = k.project_id WHERE k.project_id = ANY ($1::uuid[])`,
  projects: `
    SELECT id::text AS id, jsonb_build_object('profile', profile, 'leastLevel', least_level, 'commercial', commercial) AS values
      FROM projects WHERE id = ANY ($1::uuid[])`,
  memberships: `
    SELECT project_id || '/' || user_id || '/' || role AS id, '{}'::jsonb AS values
      FROM memberships WHERE project_id = ANY ($1::uuid[])`,
};
/** People belong to no project; whoever may see such events may see these. */
const USERS = `SELECT id::text AS id, jsonb_build_object('farmRoles', farm_roles) AS values FROM users WHERE $1::uuid[] IS NOT NULL`;
const ROWS_A_PAGE = 2000;

/** The rows that events speak of, as they are now. */
@Injectable()
export class RecordedRowsRepository {
  tables(farm: boolean): string[] {
    return [...Object.keys(OF_PROJECTS), ...(farm ? ['users'] : [])];
  }

  async *rows(sql: Sql, projectIds: readonly string[], farm: boolean): AsyncGenerator<RecordedRow> {
    for (const table of this.tables(farm)) {
      const select = OF_PROJECTS[table] ?? USERS;
      let after = '';
      for (;;) {
        const page = await sql.query<Page>(
          `SELECT id, values FROM (${select}) AS r WHERE id > $2 COLLATE "C" ORDER BY id COLLATE "C" LIMIT ${ROWS_A_PAGE}`,
          [projectIds, after],
        );
        for (const { id, values } of page) yield { table, id, values: shown(values) };
        const last = page.at(-1);
        if (last === undefined) break;
        after = last.id;
      }
    }
  }
}

/** A scope goes out as its hash, which is how the log recorded it. */
function shown({ scope, ...values }: Record<string, unknown>): Record<string, unknown> {
  return scope === undefined ? values : { ...values, scopeSha256: sha256Of(canonicalJson(scope)) };
}
