import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type ShotSettings, UnderstudyError } from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import { probePlate, type PlateInfo, requireMatteFits } from '@understudy/media';
import { planAnalysis } from '@understudy/policy';
import type { ObjectStore } from '@understudy/storage';
import { DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { RecipePacks } from '../models/recipe-packs.js';
import { TaskWriter } from '../shards/task-writer.js';
import { AnalysisRepository } from './analysis.repository.js';
import { PlanRepository } from './plan/plan.repository.js';
import { ShotFailures } from './shot-failures.js';
import { ShotStage } from './shot-stage.js';
import { type StageShot, StageShotRepository, type StoredClip } from './stage-shot.repository.js';
import { StageTransitions } from './stage-transitions.js';
import { untilRevoked } from './until-revoked.js';

/** Reads the plate and its matte, refuses what can't be kept frame-exact, and cuts the analysis into ranges for the lanes. */
@Injectable()
export class IngestStage extends ShotStage<'ingest'> {
  readonly stage = 'ingest';

  constructor(
    @Inject(DATABASE) database: Database,
    failures: ShotFailures,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly shots: StageShotRepository,
    private readonly analyses: AnalysisRepository,
    private readonly plans: PlanRepository,
    private readonly transitions: StageTransitions,
    private readonly tasks: TaskWriter,
    private readonly packs: RecipePacks,
  ) {
    super(database, failures);
  }

  async run({ shotVersionId }: { shotVersionId: string }): Promise<void> {
    const shot = await this.shots.find(this.database, shotVersionId);
    if (shot === null || shot.state !== 'ingesting') return;
    const media = await this.#probe(shot, shot.plate);
    requireFit(media, shot.settings.container);
    const matte = shot.matte === null ? null : await this.#probe(shot, shot.matte);
    if (matte !== null) requireMatteFits(matte, media);
    await this.database.hotTransaction(async (sql) => {
      await keepMedia(sql, shot.plate, media);
      if (shot.matte !== null) await keepMedia(sql, shot.matte, matte);
      await this.#admit(sql, shot, media);
    });
  }

  async #probe({ id, project }: StageShot, { media, sha256 }: StoredClip): Promise<PlateInfo> {
    if (media !== null) return media;
    return await untilRevoked(this.database, id, (signal) =>
      this.objects.of(project.id).withFiles([sha256], ([path = '']) => probePlate(path), signal),
    );
  }

  async #admit(sql: Sql, shot: StageShot, media: PlateInfo): Promise<void> {
    const needsTemplates = shot.settings.keepAssetIds.length > 0 || (await this.shots.cast(sql, shot.id)).length > 0;
    // Pinned before the first range is looked at: which packs made an analysis is part of what it is.
    const pinned = await this.packs.pinAnalysis(sql, shot.project.id, shot.settings.analysis);
    await this.packs.require(sql, shot.id, pinned);
    const analysis = await this.analyses.claim(sql, {
      shotVersionId: shot.id,
      plateAssetId: shot.plate.assetId,
      needsTemplates,
      packs: pinned.analysis,
    });
    const moved = await this.transitions.move(sql, {
      shotVersionId: shot.id,
      from: ['ingesting'],
      to: analysis.reused ? 'planning' : 'analysing',
      actor: this.actor,
      patch: {
        frames: media.frameCount,
        analysisId: analysis.id,
        settings: { ...shot.settings, analysis: pinned.analysis },
      },
      data: { frames: media.frameCount, analysisReused: analysis.reused, packs: pinned.packs },
    });
    if (moved === null || analysis.reused) return;
    const frames = media.frameCount;
    const ranges = planAnalysis(frames, await this.plans.lanes(sql));
    await this.tasks.create(
      sql,
      ranges.map((range) => ({
        id: randomUUID(),
        kind: 'analyse' as const,
        shotVersionId: shot.id,
        assetId: shot.plate.assetId,
        ...range,
        priority: shot.priority,
      })),
    );
  }
}

async function keepMedia(sql: Sql, { assetId }: StoredClip, media: PlateInfo | null): Promise<void> {
  await sql.query('UPDATE assets SET media = $2::jsonb WHERE id = $1 AND media IS NULL', [
    assetId,
    JSON.stringify(media),
  ]);
}

/** A still is delivered as a picture, a clip as a clip. */
function requireFit({ isStill, isConstantRate }: PlateInfo, container: ShotSettings['container']): void {
  if (isStill !== (container === 'png' || container === 'jpg')) {
    const wanted = isStill ? 'png or jpg' : 'mp4, mov or mkv';
    throw new UnderstudyError('INVALID_REQUEST', `This plate can be delivered as ${wanted}, not as ${container}.`);
  }
  if (!isConstantRate && container === 'mkv') {
    throw new UnderstudyError(
      'INVALID_REQUEST',
      'A plate of variable rate can be delivered as mp4 or mov, not as mkv.',
    );
  }
}
