import 'reflect-metadata';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { CompleteAttempt, LaneCapabilities, Lease, TaskKind } from '@understudy/contracts';
import { type Database } from '@understudy/db';
import type { ObjectStore } from '@understudy/storage';
import { expect, vi } from 'vitest';
import { AppModule } from '../../apps/coordinator/src/app.module.js';
import { parseConfig } from '../../apps/coordinator/src/config/config.js';
import { createLogger } from '../../apps/coordinator/src/platform/logger.js';
import { DATABASE, OBJECT_STORE } from '../../apps/coordinator/src/platform/tokens.js';
import { AttemptEnds } from '../../apps/coordinator/src/shards/attempt-ends.js';
import { Claims } from '../../apps/coordinator/src/shards/claims.js';
import { Completions } from '../../apps/coordinator/src/shards/completions.js';
import { Heartbeats } from '../../apps/coordinator/src/shards/heartbeats.js';
import { type Lane, laneOf, parityLine } from '../../apps/coordinator/src/shards/lane.js';
import { LaneRepository } from '../../apps/coordinator/src/shards/lane.repository.js';
import { LeaseSweep } from '../../apps/coordinator/src/shards/lease-sweep.js';
import { Leases } from '../../apps/coordinator/src/shards/leases.js';
import { ResultVerifier } from '../../apps/coordinator/src/shards/result-verifier.js';
import { TaskWriter } from '../../apps/coordinator/src/shards/task-writer.js';
import { WakeUps } from '../../apps/coordinator/src/shards/wake-ups.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { OwnerDatabase } from './owner-database.js';
import { addShot, type ShotFixture, type ShotFixtureOptions, type TaskOptions, tasksOf } from './shot-fixture.js';

export function capabilities(options: { kinds?: TaskKind[]; provider?: 'cpu' | 'cuda' } = {}): LaneCapabilities {
  return {
    parityClass: {
      provider: options.provider ?? 'cpu',
      precision: 'fp32',
      runtime: 'ort-1.30',
      instructionSet: 'avx2',
      batch: 1,
    },
    kinds: options.kinds ?? ['enrol', 'analyse', 'render'],
    threads: 1,
    vramMiB: 0,
    packs: ['default'],
  };
}

/**
 * The lanes' side of a coordinator, wired as it is served and called without HTTP. Nothing runs by itself: no timer, no
 * stage; a test says when the sweep comes by.
 */
export class ShardsFarm {
  readonly database: Database;
  readonly objects: ObjectStore;
  readonly claims: Claims;
  readonly leases: Leases;
  readonly heartbeats: Heartbeats;
  readonly completions: Completions;
  readonly ends: AttemptEnds;
  readonly sweep: LeaseSweep;
  readonly tasks: TaskWriter;

  private constructor(
    private readonly app: NestExpressApplication,
    readonly owner: OwnerDatabase,
    private readonly test: TestDatabase,
    private readonly dataDir: string,
  ) {
    const get = this.get.bind(this);
    this.database = get<Database>(DATABASE);
    this.objects = get<ObjectStore>(OBJECT_STORE);
    this.claims = get(Claims);
    this.leases = get(Leases);
    this.heartbeats = get(Heartbeats);
    this.completions = get(Completions);
    this.ends = get(AttemptEnds);
    this.sweep = get(LeaseSweep);
    this.tasks = get(TaskWriter);
  }

  get<T>(token: (new (...args: never[]) => T) | symbol): T {
    return this.app.get<T>(token, { strict: false });
  }

  static async start(settings: Record<string, string> = {}): Promise<ShardsFarm> {
    const test = await createTestDatabase();
    const dataDir = await mkdtemp(join(tmpdir(), 'shards-'));
    const config = parseConfig({
      DATABASE_URL: test.runtimeUrl,
      DATABASE_CONNECTIONS: '20',
      DATA_DIR: dataDir,
      SECRET_KEY: randomBytes(32).toString('hex'),
      LOG_LEVEL: 'silent',
      ...settings,
    });
    const app = await NestFactory.create<NestExpressApplication>(
      AppModule.with(config, createLogger(config.LOG_LEVEL)),
      { logger: false, abortOnError: false },
    );
    return new ShardsFarm(app, OwnerDatabase.open(test.ownerUrl, config.SECRET_KEY), test, dataDir);
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.owner.close();
    await this.test.drop();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  /** Held requests are told by Postgres, as when served. Who is held when listening begins is woken once by that. */
  async listen(): Promise<void> {
    const wakeUps = this.app.get(WakeUps, { strict: false });
    wakeUps.onApplicationBootstrap();
    await vi.waitFor(() => expect(wakeUps.isListening).toBe(true), { timeout: 10_000 });
  }

  /** Results count when their bytes arrived; what is in them is another test's concern. */
  acceptAnyBytes(): void {
    this.verifyWith(() => Promise.resolve());
  }

  /** Verifies results so, after their bytes arrived. */
  verifyWith(look: () => Promise<void>): void {
    const verifier = this.app.get(ResultVerifier, { strict: false });
    vi.spyOn(verifier, 'verify').mockImplementation(async (attempt, result) => {
      await verifier.takeIn(attempt, result);
      await look();
    });
  }

  /** @param options.beside a lane of the host that this one is to be of */
  async addLane(options: Parameters<typeof capabilities>[0] & { beside?: Lane } = {}): Promise<Lane> {
    const workerId = options.beside?.workerId ?? randomUUID();
    await this.owner.query('INSERT INTO workers (id, name, created_by) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
      workerId,
      `worker ${workerId}`,
      randomUUID(),
    ]);
    const can = capabilities(options);
    const lanes = this.app.get(LaneRepository, { strict: false });
    const { ordinal } = await this.one<{ ordinal: number }>(
      'SELECT count(*)::int AS ordinal FROM lanes WHERE worker_id = $1',
      [workerId],
    );
    const id = await lanes.register(this.owner, workerId, { ordinal, host: 'host', capabilities: can });
    return laneOf({ id, workerId, capabilities: can, parityClass: parityLine(can.parityClass) });
  }

  async addLanes(count: number): Promise<Lane[]> {
    return await Promise.all(Array.from({ length: count }, async () => await this.addLane()));
  }

  /** A shot with tasks that wait for a lane. */
  async addShot(tasks: TaskOptions, options: ShotFixtureOptions = {}): Promise<ShotFixture & { taskIds: string[] }> {
    const state = tasks.kind === 'analyse' ? 'analysing' : 'rendering';
    const shot = await addShot(this.owner, { state, ...options });
    const taskIds = await this.database.hotTransaction(
      async (sql) => await this.tasks.create(sql, tasksOf(shot, tasks)),
    );
    return { ...shot, taskIds };
  }

  async claim(lane: Lane): Promise<Lease> {
    const lease = await this.claims.claim(lane);
    if (lease === null) throw new Error('there was nothing to lease');
    return lease;
  }

  /** Uploads bytes of the attempt's own and tells what to report about them. */
  async upload(lease: Lease, content = `made by ${lease.attemptId}`): Promise<CompleteAttempt> {
    const bytes = Buffer.from(content);
    const frames = lease.kind === 'enrol' ? 0 : lease.endFrame - lease.startFrame;
    await this.uploadBytes(lease, bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const frameHashes = lease.kind === 'render' ? Array.from({ length: frames }, (_, n) => `${n}`) : undefined;
    return {
      epoch: lease.epoch,
      result: { sha256, bytes: bytes.length, frames, ...(frameHashes === undefined ? {} : { frameHashes }) },
      timingsMs: { render: 1 },
    };
  }

  /** Appends to what the attempt has uploaded. */
  async uploadBytes({ attemptId, taskId }: Lease, bytes: Uint8Array): Promise<void> {
    const { projectId } = await this.one<{ projectId: string }>(
      'SELECT project_id AS "projectId" FROM tasks WHERE id = $1',
      [taskId],
    );
    const offset = await this.objects.uploadOffset(attemptId);
    await this.objects.of(projectId).appendUpload(attemptId, offset, one(bytes), 1e6);
  }

  async complete(lane: Lane, lease: Lease): Promise<CompleteAttempt> {
    const report = await this.upload(lease);
    await this.completions.complete(lane.workerId, lease.attemptId, report);
    return report;
  }

  /** As if its lane had been silent for longer than its lease. */
  async runOut(attemptId: string): Promise<void> {
    await this.owner.query(`UPDATE attempts SET expires_at = now() - interval '1 second' WHERE id = $1`, [attemptId]);
  }

  /** Resolves when some statement waits for a lock on the table. */
  async untilBlocked(table: string): Promise<void> {
    await vi.waitUntil(
      async () => {
        const waiting = 'SELECT 1 FROM pg_locks WHERE relation = $1::regclass AND NOT granted';
        return (await this.owner.query(waiting, [table])).length > 0;
      },
      { timeout: 10_000, interval: 20 },
    );
  }

  /** Resolves when some statement waits for another transaction. */
  async untilWaiting(): Promise<void> {
    await vi.waitUntil(async () => (await this.owner.query('SELECT 1 FROM pg_locks WHERE NOT granted')).length > 0, {
      timeout: 10_000,
      interval: 20,
    });
  }

  async one<Row>(sql: string, params: unknown[] = []): Promise<Row> {
    const [row] = await this.owner.query<Row>(sql, params);
    if (row === undefined) throw new Error(`no row: ${sql}`);
    return row;
  }

  async task(id: string): Promise<{ state: string; epoch: number; failures: number; errorCode: string | null }> {
    return await this.one(
      'SELECT state::text AS state, epoch, failures, error_code AS "errorCode" FROM tasks WHERE id = $1',
      [id],
    );
  }

  async attempt(id: string): Promise<{ state: string; order: string | null; expiresAt: Date }> {
    return await this.one(
      'SELECT state::text AS state, "order", expires_at AS "expiresAt" FROM attempts WHERE id = $1',
      [id],
    );
  }

  async shotState(shotVersionId: string): Promise<string> {
    const { state } = await this.one<{ state: string }>(
      'SELECT state::text AS state FROM shot_versions WHERE id = $1',
      [shotVersionId],
    );
    return state;
  }

  /** How often the audit log tells of this. */
  async told(action: string, subjectId?: string): Promise<number> {
    const { count } = await this.one<{ count: number }>(
      `SELECT count(*)::int AS count FROM audit_events WHERE action = $1 AND ($2::text IS NULL OR subject_id = $2)`,
      [action, subjectId ?? null],
    );
    return count;
  }

  /** Everything that the tables say of a task's work, to see that nothing changed. */
  async snapshot(taskId: string): Promise<unknown> {
    return await this.one(
      `SELECT (SELECT to_jsonb(t) FROM tasks t WHERE t.id = $1) AS task,
              (SELECT jsonb_agg(to_jsonb(a) ORDER BY a.epoch) FROM attempts a WHERE a.task_id = $1) AS attempts,
              (SELECT jsonb_agg(to_jsonb(s)) FROM segments s WHERE s.task_id = $1) AS segments,
              (SELECT jsonb_agg(to_jsonb(v)) FROM shot_versions v JOIN tasks t ON t.shot_version_id = v.id
               WHERE t.id = $1) AS version,
              (SELECT count(*)::int FROM outbox) AS outbox`,
      [taskId],
    );
  }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
