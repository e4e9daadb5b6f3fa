import { Module } from '@nestjs/common';
import { AssetContentController } from './asset-content.controller.js';
import { AssetRepository } from './asset.repository.js';
import { AssetService } from './asset.service.js';
import { AssetsController } from './assets.controller.js';
import { TemplateService } from './template.service.js';

@Module({
  controllers: [AssetContentController, AssetsController],
  providers: [AssetRepository, AssetService, TemplateService],
})
export class AssetsModule {}
