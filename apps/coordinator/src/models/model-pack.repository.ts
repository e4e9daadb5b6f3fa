import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { ModelManifestDocument, ProjectProfile } from '@understudy/contracts';
import type { Sql } from '@understudy/db';

/** A registered version, as a decision sees it. */
export interface RegisteredPack {
  readonly id: string;
  readonly pack: string;
  readonly version: string;
  readonly sha256: string;
  readonly manifest: ModelManifestDocument;
  readonly isDefault: boolean;
  /** Whose model it is; null where it is nobody's in particular. */
  readonly performerId: string | null;
  readonly addedBy: string;
  readonly approvedBy: string | null;
  readonly createdAt: Date;
}

export type NewPack = Pick<RegisteredPack, 'manifest' | 'sha256' | 'performerId' | 'addedBy'>;

export interface PackLanes {
  readonly passed: number;
  readonly failed: number;
}

const PACK = `SELECT id, pack, version, sha256, manifest, is_default AS "isDefault", added_by AS "addedBy",
                     approved_by AS "approvedBy", performer_id AS "performerId", created_at AS "createdAt" FROM model_packs`;

@Injectable()
export class ModelPackRepository {
  /** @returns null when this version is there already */
  async add(sql: Sql, pack: NewPack): Promise<string | null> {
    const { manifest, sha256, performerId, addedBy } = pack;
    const [row] = await sql.query<{ id: string }>(
      `INSERT INTO model_packs (id, pack, version, sha256, manifest, performer_id, added_by)
       VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7) ON CONFLICT (pack, version) DO NOTHING RETURNING id`,
      [randomUUID(), manifest.id, manifest.version, sha256, JSON.stringify(manifest), performerId, addedBy],
    );
    return row?.id ?? null;
  }

  async isPerformer(sql: Sql, performerId: string): Promise<boolean> {
    return (await sql.query('SELECT 1 FROM performers WHERE id = $1', [performerId])).length > 0;
  }

  async find(sql: Sql, pack: string, version: string): Promise<RegisteredPack | undefined> {
    const [row] = await sql.query<RegisteredPack>(`${PACK} WHERE pack = $1 AND version = $2`, [pack, version]);
    return row;
  }

  async hold(sql: Sql, id: string): Promise<RegisteredPack | undefined> {
    const [row] = await sql.query<RegisteredPack>(`${PACK} WHERE id = $1 FOR NO KEY UPDATE`, [id]);
    return row;
  }

  async approve(sql: Sql, id: string, approvedBy: string): Promise<void> {
    await sql.query('UPDATE model_packs SET approved_by = $2, approved_at = clock_timestamp() WHERE id = $1', [
      id,
      approvedBy,
    ]);
  }

  async hasDefault(sql: Sql, pack: string): Promise<boolean> {
    const rows = await sql.query('SELECT 1 FROM model_packs WHERE pack = $1 AND is_default', [pack]);
    return rows.length > 0;
  }

  async setDefault(sql: Sql, pack: string, id: string): Promise<void> {
    await sql.query('UPDATE model_packs SET is_default = false WHERE pack = $1 AND is_default AND id <> $2', [
      pack,
      id,
    ]);
    await sql.query('UPDATE model_packs SET is_default = true WHERE id = $1', [id]);
  }

  /** Every version of these packs, held as they are until the transaction ends. */
  async versions(sql: Sql, packs: readonly string[]): Promise<RegisteredPack[]> {
    return sql.query<RegisteredPack>(`${PACK} WHERE pack = ANY ($1::text[]) ORDER BY id FOR SHARE`, [packs]);
  }

  async project(sql: Sql, projectId: string): Promise<{ profile: ProjectProfile; commercial: boolean } | undefined> {
    const [row] = await sql.query<{ profile: ProjectProfile; commercial: boolean }>(
      'SELECT profile::text AS profile, commercial FROM projects WHERE id = $1',
      [projectId],
    );
    return row;
  }

  /** Beside whatever else the shot needs of the lanes that render it, or that analyse its plate. */
  async require(
    sql: Sql,
    shotVersionId: string,
    need: 'models' | 'analysisModels',
    sha256s: readonly string[],
  ): Promise<void> {
    await sql.query(
      `UPDATE shot_versions SET needs = needs || jsonb_build_object($3::text, $2::text[]) WHERE id = $1`,
      [shotVersionId, sha256s, need],
    );
  }

  /** How lanes that are there did in the self-tests of these manifests. */
  async lanes(sql: Sql, sha256s: readonly string[]): Promise<Map<string, PackLanes>> {
    const rows = await sql.query<PackLanes & { sha256: string }>(
      `SELECT t->>'sha256' AS sha256, (count(*) FILTER (WHERE (t->>'passed')::boolean))::int AS passed,
              (count(*) FILTER (WHERE NOT (t->>'passed')::boolean))::int AS failed
         FROM lanes l, jsonb_array_elements(coalesce(l.capabilities->'selfTests', '[]')) AS t
        WHERE l.state <> 'lost' AND t->>'sha256' = ANY ($1::text[]) GROUP BY 1`,
      [sha256s],
    );
    return new Map(rows.map(({ sha256, passed, failed }) => [sha256, { passed, failed }]));
  }
}
