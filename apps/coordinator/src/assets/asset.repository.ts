import { Inject, Injectable } from '@nestjs/common';
import type { Asset as AssetView } from '@understudy/contracts';
import type { Database, Prisma, Tx } from '@understudy/db';
import type { Action } from '@understudy/policy';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { notFound } from '../access/require-on.js';
import { DATABASE } from '../platform/tokens.js';

export type AssetRow = Prisma.AssetGetPayload<object>;
export type TemplateRow = Prisma.FaceTemplateGetPayload<object>;
export type NewAsset = Pick<AssetRow, 'id' | 'projectId' | 'kind' | 'sha256' | 'bytes' | 'complete' | 'createdBy'>;

export function assetView(row: AssetRow): AssetView {
  const { id, projectId, kind, sha256, bytes, complete, createdAt } = row;
  return { id, projectId, kind, sha256, bytes: Number(bytes), complete, createdAt: createdAt.toISOString() };
}

@Injectable()
export class AssetRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** @throws UnderstudyError NOT_FOUND */
  async get(actor: Actor, action: Action, assetId: string): Promise<AssetRow> {
    const mine = accessibleTo(actor.ability, action, 'Asset');
    const row = await this.database.prisma.asset.findFirst({ where: { AND: [mine, { id: assetId }] } });
    if (row === null) throw notFound('asset');
    return row;
  }

  /** Makes the asset, or finds the one that a project has of this kind and content. */
  async findOrCreate(tx: Tx, asset: NewAsset): Promise<{ row: AssetRow; made: boolean }> {
    const { projectId, kind, sha256 } = asset;
    const { count } = await tx.prisma.asset.createMany({ data: [asset], skipDuplicates: true });
    const key = { projectId_kind_sha256: { projectId, kind, sha256 } };
    return { row: await tx.prisma.asset.findUniqueOrThrow({ where: key }), made: count === 1 };
  }

  /** Whether the project has this very content under some kind already. */
  async hasContent(tx: Tx, projectId: string, sha256: string): Promise<boolean> {
    return (await tx.prisma.asset.count({ where: { projectId, sha256, complete: true } })) > 0;
  }

  announceAgain(tx: Tx, assetId: string, bytes: bigint): Promise<AssetRow> {
    return tx.prisma.asset.update({ where: { id: assetId }, data: { bytes } });
  }

  /** @returns false when it was complete before */
  async complete(tx: Tx, assetId: string): Promise<boolean> {
    const changed = await tx.prisma.asset.updateMany({
      where: { id: assetId, complete: false },
      data: { complete: true },
    });
    return changed.count === 1;
  }

  async lock(tx: Tx, assetId: string): Promise<void> {
    await tx.query('SELECT id FROM assets WHERE id = $1::uuid FOR NO KEY UPDATE', [assetId]);
  }

  template(tx: Tx, assetId: string): Promise<TemplateRow | null> {
    return tx.prisma.faceTemplate.findUnique({ where: { assetId } });
  }

  createTemplate(tx: Tx, assetId: string, taskId: string): Promise<TemplateRow> {
    return tx.prisma.faceTemplate.create({ data: { assetId, taskId, state: 'pending' } });
  }

  /** @throws UnderstudyError NOT_FOUND */
  async getTemplate(actor: Actor, assetId: string): Promise<TemplateRow> {
    const mine = accessibleTo(actor.ability, 'read', 'FaceTemplate');
    const row = await this.database.prisma.faceTemplate.findFirst({ where: { AND: [mine, { assetId }] } });
    if (row === null) throw notFound('template');
    return row;
  }
}
