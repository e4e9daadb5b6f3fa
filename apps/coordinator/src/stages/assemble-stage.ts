import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import { joinSegments } from '@understudy/media';
import { coverageFault } from '@understudy/policy';
import type { ObjectStore } from '@understudy/storage';
import { ConsentGate } from '../consents-gate/consent-gate.js';
import { DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { type AcceptedSegment, AssemblyRepository, type JoinedFile } from './assembly.repository.js';
import { consentRefusal, ShotFailures } from './shot-failures.js';
import { ShotStage } from './shot-stage.js';
import { type StageShot, StageShotRepository } from './stage-shot.repository.js';
import { StageTransitions } from './stage-transitions.js';
import { untilRevoked } from './until-revoked.js';

/** Joins the accepted segments into the delivery, under consents that hold before and after the join. */
@Injectable()
export class AssembleStage extends ShotStage<'assemble'> {
  readonly stage = 'assemble';

  constructor(
    @Inject(DATABASE) database: Database,
    failures: ShotFailures,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly shots: StageShotRepository,
    private readonly assembly: AssemblyRepository,
    private readonly consents: ConsentGate,
    private readonly transitions: StageTransitions,
  ) {
    super(database, failures);
  }

  async run({ shotVersionId }: { shotVersionId: string }): Promise<void> {
    const shot = await this.shots.find(this.database, shotVersionId);
    if (shot === null || shot.state !== 'assembling') return;
    await this.database.hotTransaction(async (sql) => this.#requireConsent(sql, shotVersionId));
    const segments = await this.assembly.segments(this.database, shotVersionId);
    requireCoverage(segments, shot.frames);
    const joined = await untilRevoked(this.database, shotVersionId, (signal) => this.#join(shot, segments, signal));
    await this.database.hotTransaction(async (sql) => {
      await this.#requireConsent(sql, shotVersionId);
      const still = await this.shots.find(sql, shotVersionId, { lock: true });
      if (still?.state !== 'assembling') return;
      const deliveryId = await this.assembly.addDelivery(sql, shotVersionId, joined);
      await this.transitions.move(sql, {
        shotVersionId,
        from: ['assembling'],
        to: 'verifying',
        actor: this.actor,
        data: { deliveryId, sha256: joined.sha256, segments: segments.map(({ sha256 }) => sha256) },
      });
    });
  }

  async #requireConsent(sql: Sql, shotVersionId: string): Promise<void> {
    const verdict = await this.consents.check(sql, shotVersionId, 'assemble', { lock: true });
    if (!verdict.allowed) throw consentRefusal(verdict, 'assemble');
  }

  async #join(shot: StageShot, segments: readonly AcceptedSegment[], signal: AbortSignal): Promise<JoinedFile> {
    const { media, sha256 } = shot.plate;
    if (media === null) throw new UnderstudyError('INTERNAL', 'The shot reached its join without a probed plate.');
    const objects = this.objects.of(shot.project.id);
    const work = async ([platePath = '', ...paths]: readonly string[], folder: string): Promise<JoinedFile> => {
      const output = join(folder, `joined.${shot.settings.container}`);
      const { frames } = await joinSegments({ segments: paths, plate: media, platePath, output });
      return { ...(await objects.takeFile(output)), frames };
    };
    const needed = [sha256, ...segments.map((segment) => segment.sha256)];
    return await this.objects.withFolder(
      (folder) => objects.withFiles(needed, (paths) => work(paths, folder), signal),
      signal,
    );
  }
}

/** Neighbours' ranges must touch and together be exactly the plate; each segment must have its range's frames. */
function requireCoverage(segments: readonly AcceptedSegment[], frames: number | null): void {
  const fault = coverageFault(segments, frames ?? 0);
  const short = segments.find(({ startFrame, endFrame, frames: held }) => held !== endFrame - startFrame);
  if (fault === null && short === undefined) return;
  const frame = fault ?? short?.startFrame ?? 0;
  throw new UnderstudyError('JOIN_MISMATCH', `The accepted segments do not add up to the plate at frame ${frame}.`, {
    details: { frame },
  });
}
