import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import { verifyDelivery } from '@understudy/media';
import type { ObjectStore } from '@understudy/storage';
import { DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { eachOnce, type GateNote, gateNote } from '../output-gate/gate-note.js';
import { OutputGate } from '../output-gate/output-gate.js';
import { type AcceptedSegment, AssemblyRepository, type StoredDelivery } from './assembly.repository.js';
import { ShotFailures } from './shot-failures.js';
import { ShotStage } from './shot-stage.js';
import { type StageShot, StageShotRepository } from './stage-shot.repository.js';
import { StageTransitions } from './stage-transitions.js';
import { untilRevoked } from './until-revoked.js';

/**
 * Proves that the delivery has exactly the plate's frames, times, tags and sound, and the segments' samples; and that some of its
 * faces, read by lanes, are those that were agreed to.
 */
@Injectable()
export class VerifyStage extends ShotStage<'verify'> {
  readonly stage = 'verify';

  constructor(
    @Inject(DATABASE) database: Database,
    failures: ShotFailures,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly shots: StageShotRepository,
    private readonly assembly: AssemblyRepository,
    private readonly transitions: StageTransitions,
    private readonly gate: OutputGate,
  ) {
    super(database, failures);
  }

  async run({ shotVersionId }: { shotVersionId: string }): Promise<void> {
    const shot = await this.shots.find(this.database, shotVersionId);
    if (shot === null || shot.state !== 'verifying') return;
    const delivery = await this.assembly.delivery(this.database, shotVersionId);
    if (delivery === null) {
      throw new UnderstudyError('INTERNAL', 'The shot reached its verification without a delivery.');
    }
    const note = gateNote(delivery.verification);
    if (!note.asked) await this.#look(shot, delivery, note);
    else if ((await this.#decide(shot, delivery, note)) === 'gone') {
      await this.#look(shot, { ...delivery, verification: null }, note);
    }
  }

  /** The file itself; and, cut out of it, faces for lanes to read. */
  async #look(shot: StageShot, delivery: StoredDelivery, note: GateNote): Promise<void> {
    const { media } = shot.plate;
    if (media === null)
      throw new UnderstudyError('INTERNAL', 'The shot reached its verification without a probed plate.');
    const segments = await this.assembly.segments(this.database, shot.id);
    const heldFor = eachOnce([...note.heldFor, ...(await this.gate.heldBefore(shot))]);
    const [report, taken] = await untilRevoked(this.database, shot.id, (signal) =>
      this.#withFiles(shot, delivery.sha256, segments, signal, (path, paths) =>
        Promise.all([
          verifyDelivery(path, { plate: media, segments: paths }),
          this.gate.sample(shot, delivery.sha256, { heldFor, signal }),
        ]),
      ),
    );
    if (taken === null || taken.samples.length === 0) {
      const faces = taken === null ? {} : { faces: { sampled: 0, read: 0, byRenderer: 0, unsampled: taken.unsampled } };
      await this.database.hotTransaction(async (sql) =>
        this.#markReady(sql, shot.id, delivery.id, { ...report, ...faces }),
      );
      return;
    }
    const gate: GateNote = { asked: true, unsampled: taken.unsampled, heldFor };
    await this.database.hotTransaction(async (sql) => {
      const still = await this.shots.find(sql, shot.id, { lock: true });
      const known = await this.assembly.delivery(sql, shot.id);
      if (still?.state !== 'verifying' || gateNote(known?.verification ?? null).asked) return;
      await this.assembly.noteVerification(sql, delivery.id, { ...report, gate });
      await this.gate.ask(sql, shot, taken.samples);
    });
  }

  /** Once lanes have read the faces: whose are they? @returns `gone` where what they were asked is there no more: it is asked anew */
  async #decide(
    shot: StageShot,
    delivery: StoredDelivery,
    { unsampled, heldFor }: GateNote,
  ): Promise<'gone' | undefined> {
    const outcome = await this.database.hotTransaction(async (sql) => {
      const still = await this.shots.find(sql, shot.id, { lock: true });
      if (still?.state !== 'verifying') return undefined;
      const verdict = await this.gate.verdict(sql, shot, heldFor);
      if (verdict === null) return undefined;
      if (verdict === 'gone') {
        const gate: GateNote = { asked: false, unsampled: 0, heldFor };
        await this.assembly.noteVerification(sql, delivery.id, { gate });
        return verdict;
      }
      const { faults, ...counts } = verdict;
      const faces = { ...counts, unsampled };
      if (faults.length === 0) {
        const { gate: _, ...report } = delivery.verification ?? {};
        await this.#markReady(sql, shot.id, delivery.id, { ...report, faces });
        return undefined;
      }
      // Whoever resumes it has these very faces looked at again, besides others.
      const kept = [...heldFor, ...faults.map(({ reason, track, frames }) => ({ reason, track, frames: [...frames] }))];
      const gate: GateNote = { asked: false, unsampled: 0, heldFor: kept };
      await this.assembly.noteVerification(sql, delivery.id, { gate });
      const message = faults.every(({ reason }) => reason === 'NOT_READ')
        ? 'No lane could read faces of the delivery that can be seen clearly; look at it, and resume to let them pass.'
        : 'The delivery shows a face that nobody agreed to there; render it anew, or resume to look again.';
      await this.transitions.move(sql, {
        shotVersionId: shot.id,
        from: ['verifying'],
        to: 'held',
        actor: this.actor,
        patch: {
          heldFrom: 'verifying',
          errorCode: 'HELD_FOR_REVIEW',
          errorMessage: message,
          errorDetails: { reasons: [...new Set(faults.map(({ reason }) => reason))], faults, ...faces },
        },
        data: { deliveryId: delivery.id, faults, ...faces },
      });
      return undefined;
    });
    if (outcome === 'gone') return outcome;
    const after = await this.shots.find(this.database, shot.id);
    if (after?.state !== 'verifying') await this.gate.forget(shot.id);
    return undefined;
  }

  async #markReady(sql: Sql, shotVersionId: string, deliveryId: string, verification: Record<string, unknown>) {
    const moved = await this.transitions.move(sql, {
      shotVersionId,
      from: ['verifying'],
      to: 'ready',
      actor: this.actor,
      data: { deliveryId, decodedHash: verification['decodedHash'] ?? null, faces: verification['faces'] ?? null },
    });
    if (moved !== null) await this.assembly.markVerified(sql, deliveryId, verification);
  }

  /** The delivery under a name that tells its container, and its segments. */
  async #withFiles<T>(
    { project, settings }: StageShot,
    delivery: string,
    segments: readonly AcceptedSegment[],
    signal: AbortSignal,
    work: (path: string, segmentPaths: readonly string[]) => Promise<T>,
  ): Promise<T> {
    const needed = [delivery, ...segments.map(({ sha256 }) => sha256)];
    const named = async ([whole = '', ...parts]: readonly string[], folder: string): Promise<T> => {
      const path = join(folder, `delivery.${settings.container}`);
      await symlink(whole, path);
      return await work(path, parts);
    };
    return await this.objects.withFolder(
      (folder) => this.objects.of(project.id).withFiles(needed, (paths) => named(paths, folder), signal),
      signal,
    );
  }
}
