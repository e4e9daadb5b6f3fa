import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type Asset, type RouteInput, UnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import type { ObjectStore } from '@understudy/storage';
import type { Actor } from '../access/actor.js';
import { requireOn } from '../access/require-on.js';
import { AuditWriter } from '../audit/audit-writer.js';
import type { Config } from '../config/config.js';
import { CONFIG, DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { AssetRepository, type AssetRow, assetView } from './asset.repository.js';

/** Announces files and takes note when they are there, whole and as announced. */
@Injectable()
export class AssetService {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly assets: AssetRepository,
    private readonly audit: AuditWriter,
  ) {}

  /**
   * The same content of a kind is one asset of a project; what the project has already need not come again.
   *
   * @throws UnderstudyError NOT_FOUND, PAYLOAD_TOO_LARGE
   */
  async create(actor: Actor, body: RouteInput<'createAsset'>['body']): Promise<Asset> {
    const { projectId, kind, sha256, bytes } = body;
    requireOn(actor, 'create', 'Asset', { projectId });
    const maxBytes = this.config.MAX_UPLOAD_BYTES;
    if (bytes > maxBytes) {
      throw new UnderstudyError('PAYLOAD_TOO_LARGE', `This farm takes files of at most ${maxBytes} bytes.`, {
        details: { maxBytes },
      });
    }
    const stored = await this.objects.of(projectId).stat(sha256);
    return this.database.transaction(async (tx) => {
      const complete = stored?.bytes === bytes && (await this.assets.hasContent(tx, projectId, sha256));
      const asset = { id: randomUUID(), projectId, kind, sha256, bytes: BigInt(bytes), complete, createdBy: actor.id };
      const { row, made } = await this.assets.findOrCreate(tx, asset);
      if (made) await this.note(tx, actor, row, 'asset.announced');
      if (row.complete || row.bytes === asset.bytes) return assetView(row);
      return assetView(await this.assets.announceAgain(tx, row.id, asset.bytes));
    });
  }

  /**
   * To be called when the last announced byte has arrived.
   *
   * @throws UnderstudyError UPLOAD_MISMATCH; the upload then starts again from nothing
   */
  async finish(actor: Actor, asset: AssetRow): Promise<void> {
    const { id, projectId, sha256, bytes } = asset;
    await this.objects.of(projectId).finishUpload(id, { sha256, bytes: Number(bytes) });
    await this.database.transaction(async (tx) => {
      if (await this.assets.complete(tx, asset.id)) await this.note(tx, actor, asset, 'asset.stored');
    });
  }

  private async note(
    sql: Parameters<AuditWriter['append']>[0],
    actor: Actor,
    { id, projectId, kind, sha256, bytes }: AssetRow,
    action: string,
  ): Promise<void> {
    await this.audit.append(sql, {
      actor: actor.label,
      action,
      subjectType: 'Asset',
      subjectId: id,
      projectId,
      data: { kind, sha256, bytes: Number(bytes) },
    });
  }
}
