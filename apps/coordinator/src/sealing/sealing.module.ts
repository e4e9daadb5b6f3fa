import { Global, Module } from '@nestjs/common';
import { AccountVault } from './account-vault.js';
import { FirstSealing } from './first-sealing.js';
import { KeyRewrapping } from './key-rewrapping.js';
import { ProjectKeys } from './project-keys.js';
import { RECORD_SEALS } from './record-seals.provider.js';
import { TemplateVault } from './template-vault.js';

@Global()
@Module({
  providers: [AccountVault, FirstSealing, KeyRewrapping, ProjectKeys, RECORD_SEALS, TemplateVault],
  exports: [AccountVault, ProjectKeys, RECORD_SEALS.provide, TemplateVault],
})
export class SealingModule {}
