import 'reflect-metadata';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { type ConsentLevel, type ConsentRole, type ShotState, type StageName, SubmitShot } from '@understudy/contracts';
import { type Database, hashTokenSecret, newTokenSecret, type Sql } from '@understudy/db';
import type { ObjectStore } from '@understudy/storage';
import { type Actor, createActor } from '../../apps/coordinator/src/access/actor.js';
import { parseConfig } from '../../apps/coordinator/src/config/config.js';
import { createCoordinator } from '../../apps/coordinator/src/coordinator.js';
import { createLogger } from '../../apps/coordinator/src/platform/logger.js';
import { DATABASE, OBJECT_STORE } from '../../apps/coordinator/src/platform/tokens.js';
import { Submissions } from '../../apps/coordinator/src/shots/submissions.js';
import { linkObservations } from '../../apps/coordinator/src/stages/link/link-observations.js';
import { Linker } from '../../apps/coordinator/src/stages/link/linker.js';
import type { StageHandlers } from '../../apps/coordinator/src/stages/stage-handler.js';
import { STAGE_HANDLERS } from '../../apps/coordinator/src/stages/stage-tokens.js';
import { vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from './database.js';
import { OwnerDatabase } from './owner-database.js';
import { FakeLane, templateOf } from './fake-lane.js';
import { shotSnapshot } from './shot-snapshot.js';

const DAY_MS = 86_400_000;

/** A project with an identity performer (person 2) and a plate performer (person 0), both consenting. */
export interface Stage {
  readonly projectId: string;
  readonly projectName: string;
  readonly plateAssetId: string;
  readonly identityPerformerId: string;
  readonly platePerformerId: string;
  readonly identityAssetId: string;
  readonly identityConsentId: string;
  readonly plateConsentId: string;
  readonly actor: Actor;
}

export interface StageOptions {
  readonly profile?: 'farm' | 'local';
  readonly level?: ConsentLevel;
  /** Whose face the plate performer has; null leaves them without an enrolled one. */
  readonly plateFace?: number | null;
  /** Whose face the identity image shows; the performer is person 2. */
  readonly identityImage?: number;
}

/**
 * A coordinator for the tests of what follows from what. Not served, nothing runs by itself: a test runs each stage and
 * each lane's work when it wants it; served, the stages run on their own.
 */
export class StagesFarm {
  readonly database: Database;
  readonly objects: ObjectStore;
  readonly handlers: StageHandlers;

  private constructor(
    readonly app: NestExpressApplication,
    readonly owner: OwnerDatabase,
    readonly dataDir: string,
    readonly settings: Record<string, string>,
    private readonly test: TestDatabase | undefined,
    readonly url: string,
  ) {
    this.database = this.get<Database>(DATABASE);
    this.objects = this.get<ObjectStore>(OBJECT_STORE);
    this.handlers = this.get<StageHandlers>(STAGE_HANDLERS);
    // A thread runs the built program; here the same work is done from the sources, in this one.
    vi.spyOn(this.get(Linker), 'link').mockImplementation(linkObservations);
  }

  static async start(options: {
    serve: boolean;
    beside?: StagesFarm;
    queueUrl?: string;
    settings?: Record<string, string>;
  }): Promise<StagesFarm> {
    const test = options.beside === undefined ? await createTestDatabase() : undefined;
    const dataDir = options.beside?.dataDir ?? (await mkdtemp(join(tmpdir(), 'stages-')));
    const settings = options.beside?.settings ?? {
      DATABASE_URL: test?.runtimeUrl ?? '',
      DATA_DIR: dataDir,
      SECRET_KEY: randomBytes(32).toString('hex'),
      LOG_LEVEL: 'silent',
      ALLOW_LOCAL_PROFILE: 'true',
      ACCOUNTS: 'simple',
      // What a spec says of it, it says itself.
      OUTPUT_GATE: 'false',
      ...(options.queueUrl === undefined ? {} : { QUEUE_URL: options.queueUrl }),
      ...options.settings,
    };
    const config = parseConfig(settings);
    const app = await createCoordinator(config, createLogger(config.LOG_LEVEL));
    if (options.serve) await app.listen(0, config.HOST);
    const address = options.serve ? ((app.getHttpServer() as Server).address() as AddressInfo) : null;
    const url = address === null ? '' : `http://${config.HOST}:${address.port}`;
    const owner = options.beside?.owner ?? OwnerDatabase.open(test?.ownerUrl ?? '', config.SECRET_KEY);
    return new StagesFarm(app, owner, dataDir, settings, test, url);
  }

  /** The last of several beside one another is the one that was started first. */
  async stop(): Promise<void> {
    await this.app.close();
    if (this.test === undefined) return;
    await this.owner.close();
    await this.test.drop();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  get<T>(token: (new (...args: never[]) => T) | symbol): T {
    return this.app.get<T>(token, { strict: false });
  }

  async addLane(): Promise<FakeLane> {
    return FakeLane.register(this);
  }

  async addStage(plate: string, options: StageOptions = {}): Promise<Stage> {
    const { profile = 'farm', level = 'L1', plateFace = 0, identityImage = 2 } = options;
    const [projectId, userId] = [randomUUID(), randomUUID()];
    const projectName = `Project ${projectId}`;
    const sql = this.owner;
    await sql.query(`INSERT INTO users (id, name, email) VALUES ($1, 'Test', $2)`, [userId, `${userId}@example.org`]);
    await sql.query(
      `INSERT INTO projects (id, name, profile, least_level) VALUES ($1, $2, $3::project_profile, $4::consent_level)`,
      [projectId, projectName, profile, profile === 'local' ? 'L0' : 'L1'],
    );
    const [identityPerformerId, platePerformerId] = [
      await this.addPerformer(projectId),
      await this.addPerformer(projectId),
    ];
    const consent = (performerId: string, role: ConsentRole, face: number | null) =>
      this.addConsent({ projectId, projectName, performerId, role, level, face });
    const identityAssetId = await this.addFace(projectId, 'identity', identityImage);
    return {
      projectId,
      projectName,
      plateAssetId: await this.addAsset(projectId, 'plate', await readFile(plate)),
      identityPerformerId,
      platePerformerId,
      identityAssetId,
      identityConsentId: await consent(identityPerformerId, 'identity', 2),
      plateConsentId: await consent(platePerformerId, 'plate', plateFace),
      actor: await this.addMember(projectId, 'producer', userId),
    };
  }

  async addMember(
    projectId: string,
    role: 'producer' | 'artist' | 'consent_officer' | 'compliance_auditor',
    userId = randomUUID(),
  ): Promise<Actor & { readonly secret: string }> {
    await this.owner.query(`INSERT INTO users (id, name, email) VALUES ($1, 'Test', $2) ON CONFLICT (id) DO NOTHING`, [
      userId,
      `${userId}@example.org`,
    ]);
    await this.owner.query(
      'INSERT INTO memberships (project_id, user_id, role, granted_by) VALUES ($1, $2, $3::project_role, $2)',
      [projectId, userId, role],
    );
    const secret = newTokenSecret('api');
    await this.owner.query(
      `INSERT INTO tokens (id, kind, hash, name, user_id, expires_at)
       VALUES ($1, 'api', $2, 'test', $3, now() + interval '1 day')`,
      [randomUUID(), hashTokenSecret(secret), userId],
    );
    const roles = { kind: 'user' as const, id: userId, farmRoles: [], memberships: [{ projectId, role }] };
    return { ...createActor({ ...roles, name: 'Test', token: { id: randomUUID(), kind: 'api' } }), secret };
  }

  async addPerformer(projectId: string): Promise<string> {
    const id = randomUUID();
    await this.owner.query('INSERT INTO performers (id, project_id, name) VALUES ($1, $2, $3)', [
      id,
      projectId,
      `P ${id}`,
    ]);
    return id;
  }

  async addConsent(of: {
    projectId: string;
    projectName: string;
    performerId: string;
    role: ConsentRole;
    level?: ConsentLevel;
    scope?: Record<string, unknown>;
    /** Whose face it binds; nobody's without one. */
    face?: number | null;
  }): Promise<string> {
    const id = randomUUID();
    const [validFrom, validUntil] = [new Date(Date.now() - DAY_MS), new Date(Date.now() + DAY_MS)];
    const window = { validFrom: validFrom.toISOString(), validUntil: validUntil.toISOString() };
    const scope = { project: of.projectName, operations: ['replace'], ...window, ...of.scope };
    await this.owner.query(
      `INSERT INTO consents (id, lineage_id, version, project_id, performer_id, role, state, level, scope, document,
         document_sha256, valid_from, valid_until, requested_by, activated_by)
       VALUES ($1, $1, 1, $2, $3, $4::consent_role, 'active', $5::consent_level, $6::jsonb, '{}', $7, $8, $9, $10, $11)`,
      [
        id,
        of.projectId,
        of.performerId,
        of.role,
        of.level ?? 'L1',
        JSON.stringify(scope),
        createHash('sha256').update(id).digest('hex'),
        validFrom,
        validUntil,
        randomUUID(),
        randomUUID(),
      ],
    );
    if (of.face !== undefined && of.face !== null) await this.#bindFace(id, of.performerId, of.face);
    return id;
  }

  async #bindFace(consentId: string, performerId: string, person: number): Promise<void> {
    await this.owner.query(
      `INSERT INTO performer_faces (id, performer_id, consent_id, image_sha256, template, recogniser)
       VALUES ($1, $2, $3, $4, $5, 'test')`,
      [randomUUID(), performerId, consentId, createHash('sha256').update(consentId).digest('hex'), templateOf(person)],
    );
  }

  /** A complete asset; the same content in a project is one asset. */
  async addAsset(
    projectId: string,
    kind: 'plate' | 'matte' | 'identity' | 'plate_reference',
    content: Uint8Array,
  ): Promise<string> {
    const { sha256, bytes } = await this.objects.of(projectId).put(Readable.from([content]));
    const [row] = await this.owner.query<{ id: string }>(
      `INSERT INTO assets (id, project_id, kind, sha256, bytes, complete) VALUES ($1, $2, $3::asset_kind, $4, $5, true)
       ON CONFLICT (project_id, kind, sha256) DO UPDATE SET complete = true RETURNING id`,
      [randomUUID(), projectId, kind, sha256, bytes],
    );
    return (row as { id: string }).id;
  }

  /** An image whose face has been read: a person's, or these numbers. */
  async addFace(projectId: string, kind: 'identity' | 'plate_reference', face: number | Buffer): Promise<string> {
    const assetId = await this.addAsset(projectId, kind, randomBytes(32));
    await this.owner.query(
      `INSERT INTO face_templates (asset_id, task_id, state, template, recogniser) VALUES ($1, $2, 'ready', $3, 'test')`,
      [assetId, randomUUID(), typeof face === 'number' ? templateOf(face) : face],
    );
    return assetId;
  }

  async submit(stage: Stage, more: Record<string, unknown> = {}): Promise<{ shotId: string; shotVersionId: string }> {
    const shotId = await this.get(Submissions).submit(stage.actor, this.submission(stage, more));
    const [row] = await this.owner.query<{ id: string }>(
      'SELECT id FROM shot_versions WHERE shot_id = $1 ORDER BY version DESC LIMIT 1',
      [shotId],
    );
    return { shotId, shotVersionId: (row as { id: string }).id };
  }

  submission(stage: Stage, more: Record<string, unknown> = {}): SubmitShot {
    return SubmitShot.parse({
      projectId: stage.projectId,
      name: `Shot ${randomUUID()}`,
      plateAssetId: stage.plateAssetId,
      recipe: { processors: [{ type: 'replace' }] },
      cast: [
        {
          platePerformerId: stage.platePerformerId,
          identityPerformerId: stage.identityPerformerId,
          identityAssetIds: [stage.identityAssetId],
        },
      ],
      leastShards: 2,
      ...more,
    });
  }

  /** Runs the handler that the version's state waits for, once. */
  async runStage(stage: Exclude<StageName, 'template' | 'notify' | 'trace'>, shotVersionId: string): Promise<void> {
    await this.handlers[stage].run({ shotVersionId });
  }

  /** A shot taken as far as this state; lanes do their part at once. */
  async bringTo(state: ShotState, stage: Stage, lane: FakeLane, more: Record<string, unknown> = {}) {
    const shot = await this.submit(stage, more);
    const steps: [ShotState, () => Promise<unknown>][] = [
      ['ingesting', () => this.runStage('ingest', shot.shotVersionId)],
      ['analysing', () => lane.workOff()],
      ['linking', () => this.runStage('link', shot.shotVersionId)],
      ['planning', () => this.runStage('plan', shot.shotVersionId)],
      ['rendering', () => lane.workOff()],
      ['assembling', () => this.runStage('assemble', shot.shotVersionId)],
      ['verifying', () => this.runStage('verify', shot.shotVersionId)],
    ];
    for (const [at, step] of steps) {
      if (at === state) break;
      await step();
    }
    const found = await this.stateOf(shot.shotVersionId);
    if (found !== state)
      throw new Error(`the shot is ${found}, not ${state}: ${JSON.stringify(await this.errorOf(shot.shotVersionId))}`);
    return shot;
  }

  async stateOf(shotVersionId: string): Promise<ShotState> {
    return (
      await this.one<{ state: ShotState }>('SELECT state::text AS state FROM shot_versions WHERE id = $1', [
        shotVersionId,
      ])
    ).state;
  }

  async errorOf(
    shotVersionId: string,
  ): Promise<{ code: string | null; message: string | null; details: Record<string, unknown> | null }> {
    return this.one(
      'SELECT error_code AS code, error_message AS message, error_details AS details FROM shot_versions WHERE id = $1',
      [shotVersionId],
    );
  }

  async one<Row>(statement: string, params: unknown[] = [], sql: Sql = this.owner): Promise<Row> {
    const [row] = await sql.query<Row>(statement, params);
    if (row === undefined) throw new Error(`no row: ${statement}`);
    return row;
  }

  /** Ends whatever is under way, so that no lane of the next test gets it. */
  async clear(): Promise<void> {
    await this.owner.query(`UPDATE tasks SET state = 'cancelled' WHERE state IN ('pending', 'leased', 'reported')`);
    await this.owner.query(
      `UPDATE shot_versions SET state = 'cancelled' WHERE state NOT IN ('ready', 'released', 'failed', 'revoked')`,
    );
  }

  async snapshot(shotVersionId: string): Promise<unknown> {
    return await shotSnapshot(this.owner, shotVersionId);
  }
}
