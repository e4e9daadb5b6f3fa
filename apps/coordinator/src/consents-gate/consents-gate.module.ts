import { Global, Module } from '@nestjs/common';
import { ConsentGate } from './consent-gate.js';

@Global()
@Module({ providers: [ConsentGate], exports: [ConsentGate] })
export class ConsentsGateModule {}
