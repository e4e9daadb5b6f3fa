import { Module } from '@nestjs/common';
import { FirstEncryption } from './first-encryption.js';
import { KeptPictures } from './kept-pictures.js';
import { ObjectSweep } from './object-sweep.js';

@Module({ providers: [FirstEncryption, KeptPictures, ObjectSweep], exports: [KeptPictures] })
export class ObjectsModule {}
