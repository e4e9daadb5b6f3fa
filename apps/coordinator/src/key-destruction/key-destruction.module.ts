import { Module } from '@nestjs/common';
import { ConsentsModule } from '../consents/consents.module.js';
import { ObjectsModule } from '../objects/objects.module.js';
import { DestroyedProjects } from './destroyed-projects.js';
import { KeyDestructionRepository } from './key-destruction.repository.js';
import { KeyDestructions } from './key-destructions.js';
import { KeyDestructionsController } from './key-destructions.controller.js';

@Module({
  imports: [ConsentsModule, ObjectsModule],
  controllers: [KeyDestructionsController],
  providers: [DestroyedProjects, KeyDestructionRepository, KeyDestructions],
})
export class KeyDestructionModule {}
