import { Module } from '@nestjs/common';
import { ObjectSweep } from './object-sweep.js';

@Module({ providers: [ObjectSweep] })
export class ObjectsModule {}
