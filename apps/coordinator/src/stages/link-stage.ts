import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import type { PlateInfo } from '@understudy/media';
import type { ObjectStore } from '@understudy/storage';
import { DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { AnalysisRepository, type LinkedAnalysis } from './analysis.repository.js';
import { Linker } from './link/linker.js';
import { ShotFailures } from './shot-failures.js';
import { ShotStage } from './shot-stage.js';
import { type StageShot, StageShotRepository } from './stage-shot.repository.js';
import { StageTransitions } from './stage-transitions.js';
import { untilRevoked } from './until-revoked.js';

/** Links the faces that lanes found into tracks over the whole clip, once: nothing later decides again who is who. */
@Injectable()
export class LinkStage extends ShotStage<'link'> {
  readonly stage = 'link';

  constructor(
    @Inject(DATABASE) database: Database,
    failures: ShotFailures,
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
    const { media } = plate;
    const { tracks, ...stored } = await untilRevoked(this.database, shotVersionId, (signal) =>
      this.#link(shot, media, signal),
    );
    await this.database.hotTransaction(async (sql) => {
      await this.analyses.link(sql, analysisId, { ...stored, tracks });
      const data = { analysisSha256: stored.sha256, tracks: tracks.length };
      await this.transitions.move(sql, { shotVersionId, from: ['linking'], to: 'planning', actor: this.actor, data });
    });
  }

  async #link(
    { id, project }: StageShot,
    { frameCount, video }: PlateInfo,
    signal: AbortSignal,
  ): Promise<LinkedAnalysis> {
    const hashes = await this.analyses.observationTables(this.database, id);
    const objects = this.objects.of(project.id);
    const link = async (tables: readonly string[], folder: string): Promise<LinkedAnalysis> => {
      const output = join(folder, 'analysis.json.gz');
      const { width, height } = video;
      const tracks = await this.linker.link({ tables, frameCount, width, height, output });
      return { ...(await objects.takeFile(output)), tracks };
    };
    return await this.objects.withFolder(
      (folder) => objects.withFiles(hashes, (tables) => link(tables, folder), signal),
      signal,
    );
  }
}
