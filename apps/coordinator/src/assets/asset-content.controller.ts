import { Controller, Inject, Req, Res } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { ObjectStore } from '@understudy/storage';
import type { Request, Response } from 'express';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { HandleContent } from '../access/handle.decorator.js';
import { PathParam, QueryInput } from '../access/input.decorator.js';
import { receiveUpload, tellOffset, UploadQuery } from '../content/receive-upload.js';
import { OBJECT_STORE } from '../platform/tokens.js';
import { AssetRepository } from './asset.repository.js';
import { AssetService } from './asset.service.js';

/** The bytes of an asset: how many are here, and more of them. */
@Controller()
export class AssetContentController {
  constructor(
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly assets: AssetRepository,
    private readonly service: AssetService,
  ) {}

  @HandleContent('HEAD', 'assetContent', { action: 'upload', subject: 'Asset' })
  async offset(
    @CurrentActor() actor: Actor,
    @PathParam({ name: 'assetId' }) assetId: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    const asset = await this.assets.get(actor, 'upload', assetId);
    const totalBytes = Number(asset.bytes);
    const offset = asset.complete ? totalBytes : await this.objects.uploadOffset(asset.id);
    // All bytes came, and then a crash: whoever asks makes up for what was left undone.
    if (!asset.complete && offset === totalBytes) await this.service.finish(actor, asset);
    tellOffset(response, offset);
  }

  @HandleContent('PUT', 'assetContent', { action: 'upload', subject: 'Asset' })
  async append(
    @CurrentActor() actor: Actor,
    @PathParam({ name: 'assetId' }) id: string,
    @QueryInput({ by: UploadQuery }) { offset }: UploadQuery,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    const asset = await this.assets.get(actor, 'upload', id);
    const totalBytes = Number(asset.bytes);
    if (asset.complete) {
      tellOffset(response, totalBytes);
      if (offset === totalBytes) return;
      throw new UnderstudyError('CONFLICT', 'All of this asset is here already.', { details: { offset: totalBytes } });
    }
    const arrived = await receiveUpload(
      this.objects,
      { id, projectId: asset.projectId, offset, totalBytes },
      request,
      response,
    );
    if (arrived === totalBytes) await this.service.finish(actor, asset);
  }
}
