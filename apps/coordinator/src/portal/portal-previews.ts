import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { AnalysisTable, UnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { extractFacePreview, type PlateInfo, plateInfoSchema, probePlate } from '@understudy/media';
import type { ObjectStore } from '@understudy/storage';
import type { Actor } from '../access/actor.js';
import { AnchorHold } from '../audit/anchor-hold.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { readJsonObject } from '../stages/read-json.js';
import { KeptPictures } from '../objects/kept-pictures.js';
import { ProjectKeys } from '../sealing/project-keys.js';
import { choosePreview } from './choose-preview.js';
import { isShown, PortalRepository } from './portal.repository.js';

const SIDE = 320;
const MOST_TABLE_BYTES = 512 * 1024 ** 2;

/** What a performer sees of a shot: their own face, of the delivery where it is theirs, of the plate where it was covered. */
@Injectable()
export class PortalPreviews {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly pictures: KeptPictures,
    private readonly keys: ProjectKeys,
    private readonly portal: PortalRepository,
    private readonly audit: AuditWriter,
    private readonly anchorHold: AnchorHold,
  ) {}

  /** @throws UnderstudyError NOT_FOUND for another's shot or before there is a delivery; OUTPUT_LOCKED after a revocation, PROJECT_KEY_DESTROYED, LOG_BEHIND_ANCHOR */
  async png(actor: Actor, shotVersionId: string): Promise<Buffer> {
    const shot = await this.portal.shot(actor.performers, shotVersionId);
    const { delivery, analysis } = shot;
    this.keys.requireThere(shot.shot.projectId);
    this.anchorHold.refuse('Nothing that was made is shown');
    if (shot.state === 'revoked' || delivery?.state === 'locked') {
      throw new UnderstudyError('OUTPUT_LOCKED', 'The output is locked: a consent behind it ended.');
    }
    if (!isShown(shot) || delivery === null || analysis?.sha256 == null) throw nothing();
    const asIdentity = shot.cast.filter((member) => actor.performers.includes(member.identityPerformerId));
    const own =
      asIdentity.length > 0 ? asIdentity : shot.cast.filter((m) => actor.performers.includes(m.platePerformerId));
    const side = asIdentity.length > 0 ? 'identity' : 'plate';
    const tracks = own.flatMap((member) => member.tracks);
    // Under the delivery's own name, so that it goes when the delivery goes.
    const what = `portal-${side}-${nameOf(tracks)}`;
    const { projectId } = shot.shot;
    const { sha256 } = delivery;
    const png = await this.pictures.get({ projectId, sha256, what }, () =>
      this.#draw({ projectId, side, tracks, analysisSha256: analysis.sha256 ?? '', sha256, shotVersionId }),
    );
    await this.audit.append(this.database, {
      actor: actor.label,
      action: 'preview.viewed',
      subjectType: 'ShotVersion',
      subjectId: shotVersionId,
      projectId,
      shotId: shot.shotId,
      data: { side },
    });
    return png;
  }

  async #draw(of: {
    projectId: string;
    side: 'identity' | 'plate';
    tracks: readonly number[];
    analysisSha256: string;
    sha256: string;
    shotVersionId: string;
  }): Promise<Buffer> {
    const objects = this.objects.of(of.projectId);
    const table = await readJsonObject(objects, of.analysisSha256, AnalysisTable, {
      mostBytes: MOST_TABLE_BYTES,
      gzip: true,
    });
    const chosen = choosePreview(table, of.tracks);
    if (chosen === null) throw nothing();
    const source = of.side === 'identity' ? { sha256: of.sha256, media: null } : await this.#plate(of.shotVersionId);
    return await objects.withFiles([source.sha256], async ([path = '']) => {
      const plate = source.media ?? (await probePlate(path));
      return await extractFacePreview({ path, plate, frameNumber: chosen.frame, ...chosen, side: SIDE, marked: true });
    });
  }

  async #plate(shotVersionId: string): Promise<{ sha256: string; media: PlateInfo }> {
    const [row] = await this.database.query<{ sha256: string; media: unknown }>(
      'SELECT a.sha256, a.media FROM shot_versions v JOIN assets a ON a.id = v.plate_asset_id WHERE v.id = $1',
      [shotVersionId],
    );
    if (row === undefined) throw nothing();
    return { sha256: row.sha256, media: plateInfoSchema.parse(row.media) };
  }
}

/** As short for a crowd's tracks as for one. */
function nameOf(tracks: readonly number[]): string {
  const sorted = tracks.toSorted((one, other) => one - other).join('.');
  return createHash('sha256').update(sorted).digest('hex').slice(0, 32);
}

function nothing(): UnderstudyError {
  return new UnderstudyError('NOT_FOUND', 'There is no picture of this shot, or not yet.');
}
