import { Global, Module } from '@nestjs/common';
import { ProjectKeys } from './project-keys.js';
import { TemplateVault } from './template-vault.js';

@Global()
@Module({ providers: [ProjectKeys, TemplateVault], exports: [ProjectKeys, TemplateVault] })
export class SealingModule {}
