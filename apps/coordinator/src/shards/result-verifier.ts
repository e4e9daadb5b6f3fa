import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Inject, Injectable } from '@nestjs/common';
import { EnrolResult, ObservationTable, ShotSettings, UnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { plateInfoSchema, verifySegment } from '@understudy/media';
import type { ObjectStore, ProjectObjects } from '@understudy/storage';
import { DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { isTemplate } from '../stages/plan/template.js';
import { untilRevoked } from '../stages/until-revoked.js';
import { type Attempt, projectOf, type ReportedResult } from './attempt.js';

/** An analysis of one range is some megabytes; more is no analysis. */
const MOST_TABLE_BYTES = 512 * 1024 ** 2;
const MOST_TEMPLATE_BYTES = 1024 ** 2;

/** Rows of a project that name an object, or are about to. */
const USED = `
  SELECT 1 FROM assets WHERE sha256 = $1 AND project_id = $2
  UNION ALL SELECT 1 FROM segments g JOIN tasks t ON t.id = g.task_id WHERE g.sha256 = $1 AND t.project_id = $2
  UNION ALL SELECT 1 FROM deliveries d JOIN shot_versions v ON v.id = d.shot_version_id JOIN shots s ON s.id = v.shot_id
   WHERE d.sha256 = $1 AND s.project_id = $2
  UNION ALL SELECT 1 FROM analyses n JOIN assets p ON p.id = n.plate_asset_id WHERE n.sha256 = $1 AND p.project_id = $2
  UNION ALL SELECT 1 FROM attempts a JOIN tasks t ON t.id = a.task_id
   WHERE a.result ->> 'sha256' = $1 AND a.state IN ('reported', 'accepted') AND t.project_id = $2
  LIMIT 1`;

const unzip = promisify(gunzip);

/** Looks at what a lane uploaded before anything is built on it. */
@Injectable()
export class ResultVerifier {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
  ) {}

  /**
   * Hashes the upload, turns it into an object and checks that it is what the task asked for.
   *
   * @throws UPLOAD_MISMATCH when the bytes are not those reported; SEGMENT_INVALID when they are of no use
   */
  async verify(attempt: Attempt, result: ReportedResult): Promise<void> {
    const { sha256, bytes } = result;
    await this.takeIn(attempt, result);
    const objects = this.objects.of(projectOf(attempt));
    const read = async (): Promise<Buffer> => await buffer(await objects.open(sha256));
    if (attempt.kind === 'enrol') return await verifyTemplate(read, bytes);
    requireFrames(attempt, result.frames);
    if (attempt.kind === 'analyse') return await verifyTable(read, bytes, attempt);
    await this.#verifySegment(objects, attempt, result);
  }

  /** Deletes an object that was taken in and is of no use, unless something else is the same. */
  async discard(attempt: Attempt, sha256: string): Promise<void> {
    const projectId = projectOf(attempt);
    const used = await this.database.query(USED, [sha256, projectId]);
    if (used.length === 0) await this.objects.of(projectId).delete(sha256);
  }

  /** Makes an object of the upload. A report that came twice finds that the other one has done it. */
  async takeIn(attempt: Attempt, { sha256, bytes }: ReportedResult): Promise<void> {
    const objects = this.objects.of(projectOf(attempt));
    try {
      await objects.finishUpload(attempt.id, { sha256, bytes });
    } catch (thrown) {
      if ((await objects.stat(sha256))?.bytes !== bytes) throw thrown;
    }
  }

  async #verifySegment(objects: ProjectObjects, attempt: Attempt, result: ReportedResult): Promise<void> {
    const { sha256, frames, frameHashes } = result;
    const { shotVersionId } = attempt;
    if (frameHashes?.length !== frames) throw invalid('the segment comes without a hash for every frame');
    const [shot] = await this.database.query<{ media: unknown; settings: unknown }>(
      `SELECT a.media, v.settings FROM shot_versions v JOIN assets a ON a.id = v.plate_asset_id WHERE v.id = $1`,
      [shotVersionId],
    );
    if (shot === undefined || shotVersionId === null) throw new Error('the shot version of a render task is gone');
    const lossless = ShotSettings.parse(shot.settings).encoding.mode === 'lossless';
    const expected = {
      plate: plateInfoSchema.parse(shot.media),
      frames,
      frameHashes: lossless ? frameHashes : undefined,
    };
    await untilRevoked(this.database, shotVersionId, (signal) =>
      objects.withFiles([sha256], async ([path = '']) => await verifySegment(path, expected), signal),
    );
  }
}

function requireFrames({ startFrame, endFrame }: Attempt, frames: number): void {
  const expected = endFrame - startFrame;
  if (frames !== expected) throw invalid('the result has another number of frames', { expected, got: frames });
}

async function verifyTemplate(read: () => Promise<Buffer>, bytes: number): Promise<void> {
  if (bytes > MOST_TEMPLATE_BYTES) throw invalid('the template is too large');
  const result = EnrolResult.safeParse(await readJson(read));
  if (!result.success || !isTemplate(result.data.template)) {
    throw invalid('the result is no template');
  }
}

async function verifyTable(
  read: () => Promise<Buffer>,
  bytes: number,
  { startFrame, endFrame }: Attempt,
): Promise<void> {
  if (bytes > MOST_TABLE_BYTES) throw invalid('the table of faces is too large');
  const json = await readJson(async () => await unzip(await read(), { maxOutputLength: MOST_TABLE_BYTES }));
  const table = ObservationTable.safeParse(json);
  if (!table.success) throw invalid('the result is no table of faces');
  if (table.data.startFrame !== startFrame || table.data.endFrame !== endFrame) {
    throw invalid('the table of faces is of another range');
  }
}

async function readJson(read: () => Promise<Buffer>): Promise<unknown> {
  try {
    return JSON.parse((await read()).toString('utf8'));
  } catch (cause) {
    throw new UnderstudyError('SEGMENT_INVALID', 'the result cannot be read', { cause });
  }
}

function invalid(message: string, details: Record<string, unknown> = {}): UnderstudyError {
  return new UnderstudyError('SEGMENT_INVALID', message, { details });
}
