import { Global, Module } from '@nestjs/common';
import { ModelPackRepository } from './model-pack.repository.js';
import { ModelPackService } from './model-pack.service.js';
import { ModelsController } from './models.controller.js';
import { RecipePacks } from './recipe-packs.js';

/** The registry of model packs, and which of them a recipe may use. */
@Global()
@Module({
  controllers: [ModelsController],
  providers: [ModelPackRepository, ModelPackService, RecipePacks],
  exports: [RecipePacks],
})
export class ModelsModule {}
