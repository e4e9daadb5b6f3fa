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
import { AssemblyRepository } from './assembly.repository.js';
import { ShotFailures } from './shot-failures.js';
import { ShotStage } from './shot-stage.js';
import { StageShotRepository } from './stage-shot.repository.js';
import { StageTransitions } from './stage-transitions.js';

/** Proves that the delivery has exactly the plate's frames, times, tags and sound, and the segments' samples. */
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
  ) {
    super(database, failures);
  }

  async run({ shotVersionId }: { shotVersionId: string }): Promise<void> {
    const shot = await this.shots.find(this.database, shotVersionId);
    if (shot === null || shot.state !== 'verifying') return;
    const delivery = await this.assembly.delivery(this.database, shotVersionId);
    const { media } = shot.plate;
    if (delivery === null || media === null) {
      throw new UnderstudyError('INTERNAL', 'The shot reached its verification without a delivery.');
    }
    const segments = await this.assembly.segments(this.database, shotVersionId);
    const paths = await Promise.all(segments.map(({ sha256 }) => this.objects.localPath(sha256)));
    const verification = await this.#named(delivery.sha256, shot.settings.container, (path) =>
      verifyDelivery(path, { plate: media, segments: paths }),
    );
    await this.database.hotTransaction(async (sql) =>
      this.#markReady(sql, shotVersionId, delivery.id, { ...verification }),
    );
  }

  async #markReady(sql: Sql, shotVersionId: string, deliveryId: string, verification: Record<string, unknown>) {
    const moved = await this.transitions.move(sql, {
      shotVersionId,
      from: ['verifying'],
      to: 'ready',
      actor: this.actor,
      data: { deliveryId, decodedHash: verification['decodedHash'] ?? null },
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
