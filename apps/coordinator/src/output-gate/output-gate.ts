import { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { AnalysisTable, castOperations } from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import { extractFacePreview, probePlate } from '@understudy/media';
import type { ObjectStore, ProjectObjects } from '@understudy/storage';
import type { Config } from '../config/config.js';
import { CONFIG, DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { readJsonObject } from '../stages/read-json.js';
import { type StageShot, StageShotRepository } from '../stages/stage-shot.repository.js';
import type { HeldFor } from './gate-note.js';
import { judgeOutput, type OutputFault } from './judge-output.js';
import { OutputChecks, type StoredSample } from './output-checks.js';
import { OutputGateRepository } from './output-gate.repository.js';
import { unlikeAnyOther } from './unlike-any-other.js';
import { type OutputSample, partsOf, sampleOutput } from './sample-output.js';
import { isAnswered, unreadFaces } from './unread-faces.js';

const MOST_TABLE_BYTES = 512 * 1024 ** 2;
/** Of the pictures that lanes read. */
const SIDE = 448;

/** What came of it: how many faces were looked at, how many a lane could read, and what is wrong with them. */
export interface OutputVerdict {
  readonly sampled: number;
  readonly read: number;
  /** Answered by the very worker that rendered the frame, because there was no other. */
  readonly byRenderer: number;
  readonly faults: readonly OutputFault[];
}

export interface OutputSamples {
  readonly samples: readonly StoredSample[];
  /** Members, and those covered as one, of whom the delivery shows no face that could be looked at. */
  readonly unsampled: number;
}

/**
 * Looks at faces of the finished delivery, each by another worker than the one that rendered it where there is one: a recipe,
 * a pack or a lane that makes somebody else's face is found before anybody can release it.
 */
@Injectable()
export class OutputGate {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly shots: StageShotRepository,
    private readonly checks: OutputChecks,
    private readonly repository: OutputGateRepository,
  ) {}

  /**
   * Cuts the faces out of the delivery.
   *
   * @param heldFor looked at besides
   * @param signal takes the delivery out of its hands
   * @returns no samples where there is no face to look at; null where the farm does without, or nobody is changed
   */
  async sample(
    shot: StageShot,
    delivery: string,
    { heldFor, signal }: { heldFor: HeldFor; signal: AbortSignal },
  ): Promise<OutputSamples | null> {
    if (!this.config.OUTPUT_GATE) return null;
    const table = await this.#analysis(shot);
    const changed = castOperations(shot.settings.recipe).length > 0;
    const cast = changed ? await this.shots.cast(this.database, shot.id) : [];
    const covered = shot.settings.anonymiseTracks;
    const again = heldFor.flatMap(({ track, frames }) => frames.map((frame) => ({ frame, track })));
    const samples = sampleOutput(table, { cast, covered, again, anew: shot.settings.partial }, Math.random);
    const groups = cast.length + (covered.length > 0 ? 1 : 0);
    if (groups === 0) return null;
    const unsampled = groups - new Set(samples.map((one) => one.cast)).size;
    if (samples.length === 0) return { samples: [], unsampled };
    const objects = this.objects.of(shot.project.id);
    const stored = await objects.withFiles([delivery], ([path = '']) => cutOut(path, samples, objects), signal);
    return { samples: stored, unsampled };
  }

  async ask(sql: Sql, shot: StageShot, samples: readonly StoredSample[]): Promise<void> {
    await this.checks.ask(sql, shot.id, shot.project.id, samples);
  }

  /**
   * @param heldFor the faces that were at fault before are judged among themselves too: a lucky draw beside them changes nothing
   * @returns null while lanes have still to read a face; `gone` where nothing was asked
   */
  async verdict(sql: Sql, shot: StageShot, heldFor: HeldFor): Promise<OutputVerdict | 'gone' | null> {
    const found = await this.repository.read(sql, shot.id);
    if (found === null || found === 'gone') return found;
    const { asked, faces } = found;
    const enrolled = await this.repository.enrolled(sql, shot.project.id);
    const members = await this.repository.members(sql, shot.id, enrolled);
    const before = faces.filter(({ frame, track }) =>
      heldFor.some((fault) => fault.track === track && fault.frames.includes(frame)),
    );
    const faults = partsOf(shot.settings.partial, faces).flatMap((part) => judgeOutput(part, members, enrolled));
    const known = new Set(faults.map((fault) => `${fault.reason} ${fault.track} ${String(fault.performerId)}`));
    const alone = judgeOutput(before, members, enrolled).filter(
      (fault) => !known.has(`${fault.reason} ${fault.track} ${String(fault.performerId)}`),
    );
    return {
      sampled: asked.length,
      read: asked.filter((face) => isAnswered(face, members, enrolled)).length,
      byRenderer: asked.filter(({ byRenderer }) => byRenderer).length,
      faults: [
        ...faults,
        ...alone,
        ...partsOf(shot.settings.partial, asked).flatMap((part) => unreadFaces(part, members, enrolled, heldFor)),
      ],
    };
  }

  /** For which faces the shot's earlier versions were held, whose frames a partial one takes over. */
  async heldBefore(shot: StageShot): Promise<HeldFor> {
    return shot.settings.partial === undefined ? [] : await this.repository.heldBefore(this.database, shot.id);
  }

  async forget(shotVersionId: string): Promise<void> {
    await this.checks.forget(shotVersionId);
  }

  async #analysis({ analysisId, project }: StageShot): Promise<AnalysisTable> {
    const [row] = await this.database.query<{ sha256: string }>('SELECT sha256 FROM analyses WHERE id = $1', [
      analysisId,
    ]);
    const objects = this.objects.of(project.id);
    return await readJsonObject(objects, row?.sha256 ?? '', AnalysisTable, { mostBytes: MOST_TABLE_BYTES, gzip: true });
  }
}

async function cutOut(
  path: string,
  samples: readonly OutputSample[],
  objects: ProjectObjects,
): Promise<StoredSample[]> {
  const plate = await probePlate(path);
  const stored: StoredSample[] = [];
  for (const { frame, track, cast, crop, cover, clear } of samples) {
    const png = await extractFacePreview({
      ...{ path, plate, frameNumber: frame, crop, cover, side: SIDE, marked: false },
    });
    const { sha256, bytes } = await objects.put(Readable.from([unlikeAnyOther(png)]));
    stored.push({ frame, track, cast, clear, sha256, bytes });
  }
  return stored;
}
