import { Inject, Injectable } from '@nestjs/common';
import type { Database } from '@understudy/db';
import type { ObjectStore } from '@understudy/storage';
import { DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { OutputChecks } from '../output-gate/output-checks.js';
import { AnalysisRepository } from './analysis.repository.js';

/**
 * Forgets faces of people outside the cast once nobody has to be told apart by them any more: the templates of their
 * tracks, and the lanes' tables, which hold a template of every face. Also for shots that ended before their plan.
 */
@Injectable()
export class AnalysisPurge {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly analyses: AnalysisRepository,
    private readonly checks: OutputChecks,
  ) {}

  async run(): Promise<void> {
    for (const analysisId of await this.analyses.withNeedlessTemplates(this.database)) {
      await this.database.hotTransaction(async (sql) => this.analyses.dropTemplates(sql, analysisId));
    }
    await this.checks.purge();
    const tables = await this.analyses.needlessTables(this.database);
    for (const { projectId, sha256 } of tables) {
      await this.objects.of(projectId).delete(sha256);
      await this.analyses.markTableDeleted(this.database, projectId, sha256);
    }
  }
}
