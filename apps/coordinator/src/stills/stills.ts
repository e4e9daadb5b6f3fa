import { Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { extractStill, type PlateInfo, plateInfoSchema, probePlate } from '@understudy/media';
import type { ObjectStore } from '@understudy/storage';
import { AnchorHold } from '../audit/anchor-hold.js';
import { DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { KeptPictures } from '../objects/kept-pictures.js';
import { ProjectKeys } from '../sealing/project-keys.js';

export type StillSide = 'before' | 'after';

/** Samples of the longer side at most, of what is not released: enough to judge it by, too little to use in its place. */
const MOST_UNRELEASED = 960;

interface Source {
  readonly projectId: string;
  readonly sha256: string;
  /** Frame within this file. */
  readonly frame: number;
  /** Known for a plate; a segment is probed. */
  readonly media: PlateInfo | null;
  /** Made by the farm and not let out by anybody: it is shown small, and says so. */
  readonly isUnreleased: boolean;
}

interface RenderedRow {
  readonly projectId: string;
  readonly sha256: string;
  readonly startFrame: number;
  readonly locked: boolean;
  readonly held: boolean;
  readonly isUnreleased: boolean;
}

/** Frames of the plate and of what was made of it, as PNG. A frame is decoded once and then kept. */
@Injectable()
export class Stills {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly pictures: KeptPictures,
    private readonly keys: ProjectKeys,
    private readonly anchorHold: AnchorHold,
  ) {}

  /**
   * @param frame absolute frame number in the plate
   * @param longestSide samples of the longer side at most; absent for the full size. What was made and is not released is 960
   *   at most, and marked.
   * @throws UnderstudyError NOT_FOUND for a frame that is not there or not rendered yet; OUTPUT_LOCKED after a revocation and
   *   while the shot is held for somebody to look at; PROJECT_KEY_DESTROYED, LOG_BEHIND_ANCHOR
   */
  async png(shotId: string, side: StillSide, frame: number, longestSide: number | undefined): Promise<Buffer> {
    if (side === 'after') this.anchorHold.refuse('Nothing that was made is shown');
    const source = side === 'before' ? await this.#plate(shotId, frame) : await this.#rendered(shotId, frame);
    const { projectId, sha256, isUnreleased } = source;
    const most = isUnreleased ? Math.min(longestSide ?? MOST_UNRELEASED, MOST_UNRELEASED) : longestSide;
    const what = `${source.frame}-${most ?? 'full'}${isUnreleased ? '-marked' : ''}`;
    return await this.pictures.get({ projectId, sha256, what }, () => this.#decode(source, most));
  }

  async #decode(
    { projectId, sha256, frame, media, isUnreleased }: Source,
    longestSide: number | undefined,
  ): Promise<Buffer> {
    return await this.objects.of(projectId).withFiles([sha256], async ([path = '']) => {
      const plate = media ?? (await probePlate(path));
      return await extractStill({ path, plate, frameNumber: frame, longestSide, marked: isUnreleased });
    });
  }

  async #plate(shotId: string, frame: number): Promise<Source> {
    const [row] = await this.database.query<{ projectId: string; sha256: string; media: unknown }>(
      `SELECT a.project_id AS "projectId", a.sha256, a.media FROM shot_versions v JOIN assets a ON a.id = v.plate_asset_id
        WHERE v.shot_id = $1 ORDER BY v.version DESC LIMIT 1`,
      [shotId],
    );
    const media = row === undefined || row.media === null ? null : plateInfoSchema.parse(row.media);
    if (row === undefined || media === null || frame >= media.frameCount) throw noSuchFrame(frame);
    return { projectId: row.projectId, sha256: row.sha256, frame, media, isUnreleased: false };
  }

  /** From the accepted segment that holds the frame: the delivery has the same samples. */
  async #rendered(shotId: string, frame: number): Promise<Source> {
    const [row] = await this.database.query<RenderedRow>(
      `SELECT t.project_id AS "projectId", g.sha256, t.start_frame AS "startFrame",
              g.quarantined_at IS NOT NULL OR v.state = 'revoked' AS locked, v.state = 'held' AS held,
              v.state <> 'released' AND p.profile = 'farm' AS "isUnreleased"
         FROM (SELECT id, state FROM shot_versions WHERE shot_id = $1 ORDER BY version DESC LIMIT 1) v
         JOIN tasks t ON t.shot_version_id = v.id AND t.kind = 'render' AND t.start_frame <= $2 AND t.end_frame > $2
         JOIN projects p ON p.id = t.project_id
         JOIN segments g ON g.task_id = t.id`,
      [shotId, frame],
    );
    if (row === undefined) throw noSuchFrame(frame);
    this.keys.requireThere(row.projectId);
    if (row.locked) throw new UnderstudyError('OUTPUT_LOCKED', 'The output is locked: a consent behind it ended.');
    if (row.held)
      throw new UnderstudyError('OUTPUT_LOCKED', 'The shot is held: nothing of it is shown until it goes on.');
    const { projectId, sha256, startFrame, isUnreleased } = row;
    return { projectId, sha256, frame: frame - startFrame, media: null, isUnreleased };
  }
}

function noSuchFrame(frame: number): UnderstudyError {
  return new UnderstudyError('NOT_FOUND', `Frame ${frame} is not there, or not yet.`, { details: { frame } });
}
