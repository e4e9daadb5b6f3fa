import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { extractStill, type PlateInfo, plateInfoSchema, probePlate } from '@understudy/media';
import type { ObjectStore } from '@understudy/storage';
import type { Config } from '../config/config.js';
import { CONFIG, DATABASE, OBJECT_STORE } from '../platform/tokens.js';

export type StillSide = 'before' | 'after';

interface Source {
  readonly sha256: string;
  /** Frame within this file. */
  readonly frame: number;
  /** Known for a plate; a segment is probed. */
  readonly media: PlateInfo | null;
}

/** Frames of the plate and of what was made of it, as PNG. A frame is decoded once and then kept on disk. */
@Injectable()
export class Stills {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
  ) {}

  /**
   * @param frame absolute frame number in the plate
   * @param longestSide samples of the longer side at most; absent for the full size
   * @throws UnderstudyError NOT_FOUND for a frame that is not there or not rendered yet; OUTPUT_LOCKED
   */
  async png(shotId: string, side: StillSide, frame: number, longestSide: number | undefined): Promise<Buffer> {
    const source = side === 'before' ? await this.#plate(shotId, frame) : await this.#rendered(shotId, frame);
    const folder = join(this.config.DATA_DIR, 'stills');
    const path = join(folder, `${source.sha256}-${source.frame}-${longestSide ?? 'full'}.png`);
    const kept = await readFile(path).catch(() => null);
    if (kept !== null) return kept;
    const file = await this.objects.localPath(source.sha256);
    const plate = source.media ?? (await probePlate(file));
    const still = await extractStill({ path: file, plate, frameNumber: source.frame, longestSide });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const partial = `${path}.${randomUUID()}`;
    await writeFile(partial, still, { mode: 0o600 });
    await rename(partial, path);
    return still;
  }

  async #plate(shotId: string, frame: number): Promise<Source> {
    const [row] = await this.database.query<{ sha256: string; media: unknown }>(
      `SELECT a.sha256, a.media FROM shot_versions v JOIN assets a ON a.id = v.plate_asset_id
        WHERE v.shot_id = $1 ORDER BY v.version DESC LIMIT 1`,
      [shotId],
    );
    const media = row === undefined || row.media === null ? null : plateInfoSchema.parse(row.media);
    if (row === undefined || media === null || frame >= media.frameCount) throw noSuchFrame(frame);
    return { sha256: row.sha256, frame, media };
  }

  /** From the accepted segment that holds the frame: the delivery has the same samples. */
  async #rendered(shotId: string, frame: number): Promise<Source> {
    const [row] = await this.database.query<{ sha256: string; startFrame: number; locked: boolean }>(
      `SELECT g.sha256, t.start_frame AS "startFrame",
              g.quarantined_at IS NOT NULL OR v.state = 'revoked' AS locked
         FROM (SELECT id, state FROM shot_versions WHERE shot_id = $1 ORDER BY version DESC LIMIT 1) v
         JOIN tasks t ON t.shot_version_id = v.id AND t.kind = 'render' AND t.start_frame <= $2 AND t.end_frame > $2
         JOIN segments g ON g.task_id = t.id`,
      [shotId, frame],
    );
    if (row === undefined) throw noSuchFrame(frame);
    if (row.locked) throw new UnderstudyError('OUTPUT_LOCKED', 'The output is locked: a consent behind it ended.');
    return { sha256: row.sha256, frame: frame - row.startFrame, media: null };
  }
}

function noSuchFrame(frame: number): UnderstudyError {
  return new UnderstudyError('NOT_FOUND', `Frame ${frame} is not there, or not yet.`, { details: { frame } });
}
