import { Module } from '@nestjs/common';
import { ShotsModule } from '../shots/shots.module.js';
import { StillsController } from './stills.controller.js';
import { Stills } from './stills.js';

@Module({ imports: [ShotsModule], controllers: [StillsController], providers: [Stills] })
export class StillsModule {}
