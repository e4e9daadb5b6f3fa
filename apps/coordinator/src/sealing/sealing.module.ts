import { Global, Module } from '@nestjs/common';
import { AccountVault } from './account-vault.js';
import { ProjectKeys } from './project-keys.js';
import { TemplateVault } from './template-vault.js';

@Global()
@Module({
  providers: [AccountVault, ProjectKeys, TemplateVault],
  exports: [AccountVault, ProjectKeys, TemplateVault],
})
export class SealingModule {}
