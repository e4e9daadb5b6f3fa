import { Module } from '@nestjs/common';
import { ObjectsModule } from '../objects/objects.module.js';
import { ShotsModule } from '../shots/shots.module.js';
import { StillsController } from './stills.controller.js';
import { Stills } from './stills.js';

@Module({ imports: [ObjectsModule, ShotsModule], controllers: [StillsController], providers: [Stills] })
export class StillsModule {}
