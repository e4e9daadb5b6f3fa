import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import { planShards } from '@understudy/policy';
import { ConsentGate } from '../../consents-gate/consent-gate.js';
import { RecipePacks } from '../../models/recipe-packs.js';
import { DATABASE } from '../../platform/tokens.js';
import { TaskWriter } from '../../shards/task-writer.js';
import { AnalysisPurge } from '../analysis-purge.js';
import { type AnalysisTrack, AnalysisRepository } from '../analysis.repository.js';
import { consentRefusal, ShotFailures } from '../shot-failures.js';
import { ShotStage } from '../shot-stage.js';
import { type StageShot, StageShotRepository } from '../stage-shot.repository.js';
import { StageTransitions } from '../stage-transitions.js';
import { asRanges, tracksToAnonymise } from './match-cast.js';
import { CastBinder } from './cast-binder.js';
import { asPlanTrack, PlanRepository } from './plan.repository.js';

/** Decides who is who, checks every consent, and cuts the plate into shards. All in one transaction, or nothing of it. */
@Injectable()
export class PlanStage extends ShotStage<'plan'> {
  readonly stage = 'plan';

  constructor(
    @Inject(DATABASE) database: Database,
    failures: ShotFailures,
    private readonly shots: StageShotRepository,
    private readonly analyses: AnalysisRepository,
    private readonly plans: PlanRepository,
    private readonly binder: CastBinder,
    private readonly consents: ConsentGate,
    private readonly transitions: StageTransitions,
    private readonly tasks: TaskWriter,
    private readonly purge: AnalysisPurge,
    private readonly packs: RecipePacks,
  ) {
    super(database, failures);
  }

  async run({ shotVersionId }: { shotVersionId: string }): Promise<void> {
    await this.database.hotTransaction(async (sql) => this.#plan(sql, shotVersionId));
    // After a crash right here the purge's own timer does it.
    await this.purge.run();
  }

  async #plan(sql: Sql, shotVersionId: string): Promise<void> {
    // The gate locks the version first, then its consents: the order that everybody keeps.
    const verdict = await this.consents.check(sql, shotVersionId, 'submit', { lock: true });
    const shot = await this.shots.find(sql, shotVersionId, { lock: true });
    if (shot === null || shot.state !== 'planning') return;
    if (!verdict.allowed) throw consentRefusal(verdict, 'submit');
    const { analysisId, frames } = shot;
    if (analysisId === null || frames === null) {
      throw new UnderstudyError('INTERNAL', 'The shot reached its plan without an analysis.');
    }
    const tracks = await this.analyses.tracks(sql, analysisId);
    const anonymiseTracks = await this.#anonymiseTracks(sql, shot, tracks);
    const cast = await this.shots.cast(sql, shot.id);
    const pinned = await this.packs.pin(sql, shot.project.id, shot.settings.recipe, cast);
    // Pinned since the analysis began; looked at again for what it waives.
    const analysed = await this.packs.pinAnalysis(sql, shot.project.id, shot.settings.analysis);
    const bound = await this.binder.bind(sql, shot, tracks);
    const waivers = [...new Set([...bound.waivers, ...pinned.waivers, ...analysed.waivers])];
    if (await this.#hold(sql, shot, tracks, anonymiseTracks)) return;
    const { shardFrames, leastShards } = shot.settings;
    const laneFps = await this.plans.laneFps(sql, shotVersionId, pinned.recipe);
    const ranges = planShards({ frames, shardFrames, leastShards, laneFps, lanes: await this.plans.lanes(sql) });
    await this.packs.require(sql, shotVersionId, pinned);
    await this.transitions.move(sql, {
      shotVersionId,
      from: ['planning'],
      to: 'rendering',
      actor: this.actor,
      patch: { settings: { ...shot.settings, recipe: pinned.recipe, anonymiseTracks }, waivers },
      data: { shards: ranges.length, anonymiseTracks, waivers, packs: pinned.packs, cast: bound.cast },
    });
    await this.tasks.create(
      sql,
      ranges.map((range) => ({
        id: randomUUID(),
        kind: 'render' as const,
        shotVersionId,
        assetId: shot.plate.assetId,
        ...range,
        priority: shot.priority,
      })),
    );
    await this.analyses.dropTemplates(sql, analysisId);
  }

  async #anonymiseTracks(sql: Sql, shot: StageShot, tracks: readonly AnalysisTrack[]): Promise<number[]> {
    const { recipe, keepAssetIds } = shot.settings;
    if (!recipe.processors.some(({ type }) => type === 'anonymise')) return [];
    if (tracks.length === 0) {
      throw new UnderstudyError('NO_FACE', 'No face was found in the plate; there is nobody to de-identify.');
    }
    const keep = await this.plans.assetTemplates(sql, keepAssetIds);
    return tracksToAnonymise(
      tracks.map(asPlanTrack),
      keep.map(({ template }) => template),
    );
  }

  /** De-identification must not miss a frame: where a face is uncertain, a person looks first. */
  async #hold(
    sql: Sql,
    shot: StageShot,
    tracks: readonly AnalysisTrack[],
    covered: readonly number[],
  ): Promise<boolean> {
    if (shot.settings.acceptUncertain !== undefined) return false;
    const uncertain = tracks.filter(
      ({ track, uncertainFrames }) => covered.includes(track) && uncertainFrames.length > 0,
    );
    if (uncertain.length === 0) return false;
    const frames = asRanges(uncertain.flatMap(({ uncertainFrames }) => uncertainFrames));
    const message = 'Faces are uncertain in some frames; look at them, then resume the shot with a reason.';
    await this.transitions.move(sql, {
      shotVersionId: shot.id,
      from: ['planning'],
      to: 'held',
      actor: this.actor,
      patch: {
        heldFrom: 'planning',
        errorCode: 'HELD_FOR_REVIEW',
        errorMessage: message,
        errorDetails: { frames, tracks: uncertain.map(({ track }) => track) },
      },
      data: { frames },
    });
    return true;
  }
}
