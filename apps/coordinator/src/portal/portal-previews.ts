import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { AnalysisTable, UnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { extractFacePreview, type PlateInfo, plateInfoSchema, probePlate } from '@understudy/media';
import type { ObjectStore } from '@understudy/storage';
import type { Actor } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import type { Config } from '../config/config.js';
import { CONFIG, DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { readJson } from '../stages/read-json.js';
import { choosePreview } from './choose-preview.js';
import { isShown, PortalRepository } from './portal.repository.js';

const SIDE = 320;
const MOST_TABLE_BYTES = 512 * 1024 ** 2;

/** What a performer sees of a shot: their own face, of the delivery where it is theirs, of the plate where it was covered. */
@Injectable()
export class PortalPreviews {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly portal: PortalRepository,
    private readonly audit: AuditWriter,
  ) {}

  /** @throws UnderstudyError NOT_FOUND for another's shot or before there is a delivery; OUTPUT_LOCKED after a revocation */
  async png(actor: Actor, shotVersionId: string): Promise<Buffer> {
    const shot = await this.portal.shot(actor.performers, shotVersionId);
    const { delivery, analysis } = shot;
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
    const name = `${delivery.sha256}-portal-${side}-${nameOf(tracks)}.png`;
    const png = await this.#kept(name, () =>
      this.#draw({ side, tracks, analysisSha256: analysis.sha256 ?? '', sha256: delivery.sha256, shotVersionId }),
    );
    await this.audit.append(this.database, {
      actor: actor.label,
      action: 'preview.viewed',
      subjectType: 'ShotVersion',
      subjectId: shotVersionId,
      projectId: shot.shot.projectId,
      shotId: shot.shotId,
      data: { side },
    });
    return png;
  }

  async #draw(of: {
    side: 'identity' | 'plate';
    tracks: readonly number[];
    analysisSha256: string;
    sha256: string;
    shotVersionId: string;
  }): Promise<Buffer> {
    const path = await this.objects.localPath(of.analysisSha256);
    const table = await readJson(path, AnalysisTable, { mostBytes: MOST_TABLE_BYTES, gzip: true });
    const chosen = choosePreview(table, of.tracks);
    if (chosen === null) throw nothing();
    const source = of.side === 'identity' ? await this.#delivery(of.sha256) : await this.#plate(of.shotVersionId);
    return await extractFacePreview({ ...source, frameNumber: chosen.frame, ...chosen, side: SIDE, marked: true });
  }

  async #delivery(sha256: string): Promise<{ path: string; plate: PlateInfo }> {
    const path = await this.objects.localPath(sha256);
    return { path, plate: await probePlate(path) };
  }

  async #plate(shotVersionId: string): Promise<{ path: string; plate: PlateInfo }> {
    const [row] = await this.database.query<{ sha256: string; media: unknown }>(
      'SELECT a.sha256, a.media FROM shot_versions v JOIN assets a ON a.id = v.plate_asset_id WHERE v.id = $1',
      [shotVersionId],
    );
    if (row === undefined) throw nothing();
    return { path: await this.objects.localPath(row.sha256), plate: plateInfoSchema.parse(row.media) };
  }

  async #kept(name: string, make: () => Promise<Buffer>): Promise<Buffer> {
    const folder = join(this.config.DATA_DIR, 'stills');
    const path = join(folder, name);
    const kept = await readFile(path).catch(() => null);
    if (kept !== null) return kept;
    const made = await make();
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const partial = `${path}.${randomUUID()}`;
    await writeFile(partial, made, { mode: 0o600 });
    await rename(partial, path);
    return made;
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
