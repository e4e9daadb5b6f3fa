import { randomUUID } from 'node:crypto';
import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import { verifyDelivery } from '@understudy/media';
import type { ObjectStore } from '@understudy/storage';
import type { Config } from '../config/config.js';
import { CONFIG, DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { OutputGate } from '../output-gate/output-gate.js';
import { AssemblyRepository, type StoredDelivery } from './assembly.repository.js';
import { ShotFailures } from './shot-failures.js';
import { ShotStage } from './shot-stage.js';
import { type StageShot, StageShotRepository } from './stage-shot.repository.js';
import { StageTransitions } from './stage-transitions.js';

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
    @Inject(CONFIG) private readonly config: Config,
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
    if (delivery.verification === null) await this.#look(shot, delivery);
    else await this.#decide(shot, delivery, delivery.verification);
  }

  /** The file itself; and, cut out of it, faces for lanes to read. */
  async #look(shot: StageShot, delivery: StoredDelivery): Promise<void> {
    const { media } = shot.plate;
    if (media === null)
      throw new UnderstudyError('INTERNAL', 'The shot reached its verification without a probed plate.');
    const segments = await this.assembly.segments(this.database, shot.id);
    const paths = await Promise.all(segments.map(({ sha256 }) => this.objects.localPath(sha256)));
    const [report, samples] = await Promise.all([
      this.#named(delivery.sha256, shot.settings.container, (path) =>
        verifyDelivery(path, { plate: media, segments: paths }),
      ),
      this.gate.sample(shot, delivery.sha256),
    ]);
    const verification = { ...report };
    if (samples.length === 0) {
      await this.database.hotTransaction(async (sql) => this.#markReady(sql, shot.id, delivery.id, verification));
      return;
    }
    await this.database.hotTransaction(async (sql) => {
      const still = await this.shots.find(sql, shot.id, { lock: true });
      const known = await this.assembly.delivery(sql, shot.id);
      if (still?.state !== 'verifying' || known?.verification !== null) return;
      await this.assembly.noteVerification(sql, delivery.id, verification);
      await this.gate.ask(sql, shot, samples);
    });
  }

  /** Once lanes have read the faces: whose are they? */
  async #decide(shot: StageShot, delivery: StoredDelivery, verification: Readonly<Record<string, unknown>>) {
    await this.database.hotTransaction(async (sql) => {
      const still = await this.shots.find(sql, shot.id, { lock: true });
      if (still?.state !== 'verifying') return;
      const verdict = await this.gate.verdict(sql, shot);
      if (verdict === null) return;
      const { faults, ...faces } = verdict;
      if (faults.length === 0) return this.#markReady(sql, shot.id, delivery.id, { ...verification, faces });
      // Whoever resumes it has the delivery looked at anew, at other frames.
      await sql.query('UPDATE deliveries SET verification = NULL WHERE id = $1', [delivery.id]);
      const message = 'The delivery shows a face that nobody agreed to there; render it anew, or resume to look again.';
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
    });
    const after = await this.shots.find(this.database, shot.id);
    if (after?.state !== 'verifying') await this.gate.forget(shot.id);
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

  /** The object under a name that tells its container. */
  async #named<T>(sha256: string, extension: string, work: (path: string) => Promise<T>): Promise<T> {
    const folder = join(this.config.DATA_DIR, 'scratch');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `${randomUUID()}.${extension}`);
    await symlink(await this.objects.localPath(sha256), path);
    try {
      return await work(path);
    } finally {
      await rm(path, { force: true });
    }
  }
}
