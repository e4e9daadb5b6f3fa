import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Database, Prisma, Tx } from '@understudy/db';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { type PageQuery, pageArguments } from '../platform/paging.js';
import { DATABASE } from '../platform/tokens.js';
import { TemplateVault } from '../sealing/template-vault.js';

export interface NewFace {
  readonly performerId: string;
  readonly consentId: string;
  readonly imageSha256: string;
  readonly template: Uint8Array<ArrayBuffer>;
  readonly recogniser: string;
}

type PerformerRow = Prisma.PerformerGetPayload<object>;
type CountedPerformer = PerformerRow & { _count: { faces: number } };
/** A consent's faces count while it is in one of these; before, they wait for its review. */
const ACTIVATED = ['active', 'suspended'] as const;
const LIVE = ['draft', 'pending_signature', 'pending_review', ...ACTIVATED] as const;
export type KnownFaceRow = Prisma.PerformerFaceGetPayload<{ include: { performer: true } }> & { opened: Uint8Array };

@Injectable()
export class PerformerRepository {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly vault: TemplateVault,
  ) {}

  list(
    actor: Actor,
    { projectId, ...page }: PageQuery & { projectId?: string | undefined },
  ): Promise<CountedPerformer[]> {
    const { where, ...rest } = pageArguments(page);
    const mine = accessibleTo(actor.ability, 'read', 'Performer');
    const ofProject = projectId === undefined ? {} : { projectId };
    return this.database.prisma.performer.findMany({
      where: { AND: [mine, ofProject, where] },
      include: { _count: { select: { faces: { where: { consent: { state: { in: [...ACTIVATED] } } } } } } },
      ...rest,
    });
  }

  /** Holds everybody else off enrolling into the project until the transaction ends. */
  async lockProject(tx: Tx, projectId: string): Promise<void> {
    await tx.query('SELECT id FROM projects WHERE id = $1::uuid FOR NO KEY UPDATE', [projectId]);
  }

  /** Faces of the project's consents: of those that have not ended, or of those alone that were activated. */
  async facesOfProject(tx: Tx, projectId: string, which: 'live' | 'activated'): Promise<KnownFaceRow[]> {
    const states = which === 'live' ? LIVE : ACTIVATED;
    const rows = await tx.prisma.performerFace.findMany({
      where: { performer: { projectId }, consent: { state: { in: [...states] } } },
      include: { performer: true },
    });
    return rows.map((row) => ({ ...row, opened: this.vault.open(projectId, row.template) }));
  }

  /** The models that the farm's lanes read faces with, of lanes that are there and say it. */
  async recognisersOfLanes(tx: Tx): Promise<string[]> {
    const rows = await tx.query<{ recogniser: string }>(
      `SELECT DISTINCT capabilities->>'recogniser' AS recogniser FROM lanes
        WHERE state <> 'lost' AND capabilities ? 'recogniser' ORDER BY 1`,
    );
    return rows.map(({ recogniser }) => recogniser);
  }

  byName(tx: Tx, projectId: string, name: string): Promise<PerformerRow | null> {
    return tx.prisma.performer.findUnique({ where: { projectId_name: { projectId, name } } });
  }

  create(tx: Tx, projectId: string, name: string): Promise<PerformerRow> {
    return tx.prisma.performer.create({ data: { id: randomUUID(), projectId, name } });
  }

  /** Templates are sealed on their way in. */
  async addFaces(tx: Tx, projectId: string, faces: readonly NewFace[]): Promise<void> {
    const data = faces.map((face) => ({
      id: randomUUID(),
      ...face,
      template: this.vault.seal(projectId, face.template),
    }));
    await tx.prisma.performerFace.createMany({ data, skipDuplicates: true });
  }

  /**
   * Forgets the faces of consents that have ended: nobody may use them, and nobody's work needs them.
   *
   * @returns whose, and how many
   */
  async dropNeedlessFaces(tx: Tx): Promise<{ performerId: string; projectId: string; faces: number }[]> {
    return tx.query(
      `WITH dropped AS (
         DELETE FROM performer_faces f USING consents c
          WHERE c.id = f.consent_id AND c.state <> ALL ($1::consent_state[])
          RETURNING c.performer_id, c.project_id)
       SELECT performer_id AS "performerId", project_id AS "projectId", count(*)::int AS faces
         FROM dropped GROUP BY 1, 2 ORDER BY 1`,
      [[...LIVE]],
    );
  }

  /**
   * Forgets what lanes read in images that nobody needs any more: no consent binds the image, none of the performer whom it
   * shows in a cast is left, and no plan has still to keep the face. Images that were only just read may be on their way to
   * a submission. Who needs one later has it read again.
   *
   * @returns how many, by project
   */
  async dropNeedlessReadings(tx: Tx, keptDays: number): Promise<{ projectId: string; faces: number }[]> {
    return tx.query(
      `WITH dropped AS (
         DELETE FROM face_templates f USING assets a
          WHERE a.id = f.asset_id AND a.kind IN ('identity', 'plate_reference') AND f.state <> 'pending'
            AND f.created_at < now() - make_interval(days => $2::int)
            AND NOT EXISTS (
              SELECT 1 FROM performer_faces e JOIN consents c ON c.id = e.consent_id
               WHERE c.project_id = a.project_id AND e.image_sha256 = a.sha256 AND c.state = ANY ($1::consent_state[]))
            AND NOT EXISTS (
              SELECT 1 FROM cast_members m
                JOIN consents c ON c.performer_id = m.identity_performer_id AND a.id = ANY (m.identity_asset_ids)
                                OR c.performer_id = m.plate_performer_id AND a.id = ANY (m.plate_reference_asset_ids)
               WHERE c.state = ANY ($1::consent_state[]))
            AND NOT EXISTS (
              SELECT 1 FROM shot_versions v
               WHERE v.state IN ('ingesting', 'analysing', 'linking', 'planning', 'held')
                 AND v.settings->'keepAssetIds' ? a.id::text)
          RETURNING a.project_id)
       SELECT project_id AS "projectId", count(*)::int AS faces FROM dropped GROUP BY 1 ORDER BY 1`,
      [[...LIVE], keptDays],
    );
  }
}
