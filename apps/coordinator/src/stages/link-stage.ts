import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import type { ObjectStore } from '@understudy/storage';
import type { Config } from '../config/config.js';
import { CONFIG, DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { AnalysisRepository } from './analysis.repository.js';
import { Linker } from './link/linker.js';
import { ShotFailures } from './shot-failures.js';
import { ShotStage } from './shot-stage.js';
import { StageShotRepository } from './stage-shot.repository.js';
import { StageTransitions } from './stage-transitions.js';

/** Links the faces that lanes found into tracks over the whole clip, once: nothing later decides again who is who. */
@Injectable()
export class LinkStage extends ShotStage<'link'> {
  readonly stage = 'link';

  constructor(
    @Inject(DATABASE) database: Database,
    failures: ShotFailures,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly shots: StageShotRepository,
    private readonly analyses: AnalysisRepository,
    private readonly linker: Linker,
    private readonly transitions: StageTransitions,
  ) {
    super(database, failures);
  }

  async run({ shotVersionId }: { shotVersionId: string }): Promise<void> {
    const shot = await this.shots.find(this.database, shotVersionId);
    if (shot === null || shot.state !== 'linking') return;
    const { analysisId, plate } = shot;
    if (analysisId === null || plate.media === null) {
      throw new UnderstudyError('INTERNAL', 'The shot reached its linking without an analysis.');
    }
    const { frameCount, video } = plate.media;
    const hashes = await this.analyses.observationTables(this.database, shotVersionId);
    const tables = await Promise.all(hashes.map((sha256) => this.objects.localPath(sha256)));
    const folder = join(this.config.DATA_DIR, 'scratch');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const output = join(folder, `${randomUUID()}.json.gz`);
    try {
      const tracks = await this.linker.link({ tables, frameCount, width: video.width, height: video.height, output });
      const stored = await this.objects.takeFile(output);
      await this.database.hotTransaction(async (sql) => {
        await this.analyses.link(sql, analysisId, { ...stored, tracks });
        const data = { analysisSha256: stored.sha256, tracks: tracks.length };
        await this.transitions.move(sql, { shotVersionId, from: ['linking'], to: 'planning', actor: this.actor, data });
      });
    } finally {
      await rm(output, { force: true });
    }
  }
}
