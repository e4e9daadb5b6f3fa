import { Controller } from '@nestjs/common';
import { type RouteInput, type RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { AssetRepository, assetView } from './asset.repository.js';
import { AssetService } from './asset.service.js';
import { TemplateService } from './template.service.js';

@Controller()
export class AssetsController {
  constructor(
    private readonly assets: AssetService,
    private readonly repository: AssetRepository,
    private readonly templates: TemplateService,
  ) {}

  @Handle('createAsset', { action: 'create', subject: 'Asset' })
  create(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'createAsset'>,
  ): Promise<RouteOutput<'createAsset'>> {
    return this.assets.create(actor, body);
  }

  @Handle('getAsset', { action: 'read', subject: 'Asset' })
  async get(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'getAsset'>,
  ): Promise<RouteOutput<'getAsset'>> {
    return assetView(await this.repository.get(actor, 'read', params.assetId));
  }

  @Handle('createTemplate', { action: 'create', subject: 'FaceTemplate' })
  createTemplate(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'createTemplate'>,
  ): Promise<RouteOutput<'createTemplate'>> {
    return this.templates.create(actor, params.assetId);
  }

  @Handle('getTemplate', { action: 'read', subject: 'FaceTemplate' })
  getTemplate(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'getTemplate'>,
  ): Promise<RouteOutput<'getTemplate'>> {
    return this.templates.get(actor, params.assetId);
  }
}
