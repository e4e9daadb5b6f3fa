import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Database, Prisma, Tx } from '@understudy/db';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { type PageQuery, pageArguments } from '../platform/paging.js';
import { DATABASE } from '../platform/tokens.js';

export interface NewFace {
  readonly performerId: string;
  readonly imageSha256: string;
  readonly template: Uint8Array<ArrayBuffer>;
  readonly recogniser: string;
}

type PerformerRow = Prisma.PerformerGetPayload<object>;
type CountedPerformer = PerformerRow & { _count: { faces: number } };
type FaceRow = Prisma.PerformerFaceGetPayload<{ include: { performer: true } }>;

@Injectable()
export class PerformerRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  list(
    actor: Actor,
    { projectId, ...page }: PageQuery & { projectId?: string | undefined },
  ): Promise<CountedPerformer[]> {
    const { where, ...rest } = pageArguments(page);
    const mine = accessibleTo(actor.ability, 'read', 'Performer');
    const ofProject = projectId === undefined ? {} : { projectId };
    return this.database.prisma.performer.findMany({
      where: { AND: [mine, ofProject, where] },
      include: { _count: { select: { faces: true } } },
      ...rest,
    });
  }

  /** Holds everybody else off enrolling into the project until the transaction ends. */
  async lockProject(tx: Tx, projectId: string): Promise<void> {
    await tx.query('SELECT id FROM projects WHERE id = $1::uuid FOR NO KEY UPDATE', [projectId]);
  }

  facesOfProject(tx: Tx, projectId: string): Promise<FaceRow[]> {
    return tx.prisma.performerFace.findMany({ where: { performer: { projectId } }, include: { performer: true } });
  }

  byName(tx: Tx, projectId: string, name: string): Promise<PerformerRow | null> {
    return tx.prisma.performer.findUnique({ where: { projectId_name: { projectId, name } } });
  }

  create(tx: Tx, projectId: string, name: string): Promise<PerformerRow> {
    return tx.prisma.performer.create({ data: { id: randomUUID(), projectId, name } });
  }

  async addFaces(tx: Tx, faces: readonly NewFace[]): Promise<void> {
    const data = faces.map((face) => ({ id: randomUUID(), ...face }));
    await tx.prisma.performerFace.createMany({ data, skipDuplicates: true });
  }
}
