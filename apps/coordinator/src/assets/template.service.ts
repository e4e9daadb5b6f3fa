import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { isErrorCode, type Template, UnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import type { Actor } from '../access/actor.js';
import { requireOn } from '../access/require-on.js';
import { DATABASE } from '../platform/tokens.js';
import { TaskWriter } from '../shards/task-writer.js';
import { AssetRepository, type AssetRow, type TemplateRow } from './asset.repository.js';

/** Before any range of frames: a person waits for it, and it is quick. */
const PRIORITY = 90;

function templateView(row: TemplateRow): Template {
  const { assetId, state, errorCode, errorMessage } = row;
  const code = isErrorCode(errorCode) ? errorCode : 'INTERNAL';
  return { assetId, state, error: state === 'failed' ? { code, message: errorMessage ?? '' } : null };
}

function requireImage(asset: AssetRow): void {
  if (asset.kind !== 'identity' && asset.kind !== 'plate_reference') {
    throw new UnderstudyError('INVALID_REQUEST', 'A face is read from an identity or plate reference image alone.');
  }
  if (!asset.complete) {
    throw new UnderstudyError('CONFLICT', 'The image is not here yet; upload its content first.');
  }
}

/** Asks lanes for the face in an image. */
@Injectable()
export class TemplateService {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly assets: AssetRepository,
    private readonly tasks: TaskWriter,
  ) {}

  /** @throws UnderstudyError NOT_FOUND, INVALID_REQUEST for what is no image of a face, CONFLICT before it is complete */
  async create(actor: Actor, assetId: string): Promise<Template> {
    const asset = await this.assets.get(actor, 'read', assetId);
    requireOn(actor, 'create', 'FaceTemplate', { asset });
    requireImage(asset);
    return this.database.transaction(async (tx) => {
      await this.assets.lock(tx, assetId);
      const known = await this.assets.template(tx, assetId);
      if (known !== null) return templateView(known);
      const id = randomUUID();
      const template = await this.assets.createTemplate(tx, assetId, id);
      const range = { startFrame: 0, endFrame: 1 };
      await this.tasks.create(tx, [{ id, kind: 'enrol', shotVersionId: null, assetId, ...range, priority: PRIORITY }]);
      return templateView(template);
    });
  }

  /** @throws UnderstudyError NOT_FOUND */
  async get(actor: Actor, assetId: string): Promise<Template> {
    return templateView(await this.assets.getTemplate(actor, assetId));
  }
}
