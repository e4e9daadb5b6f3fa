import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Inject, Injectable } from '@nestjs/common';
import {
  AnalysisTable,
  canonicalJson,
  type FaceObservation,
  ObservationTable,
  UnderstudyError,
} from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { linkTracks, type Track } from '@understudy/face/track';
import type { PlateInfo } from '@understudy/media';
import { coverageFault } from '@understudy/policy';
import type { ObjectStore } from '@understudy/storage';
import { DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { type AnalysisTrack, AnalysisRepository } from './analysis.repository.js';
import { readJson } from './read-json.js';
import { ShotFailures } from './shot-failures.js';
import { ShotStage } from './shot-stage.js';
import { StageShotRepository } from './stage-shot.repository.js';
import { StageTransitions } from './stage-transitions.js';

const zip = promisify(gzip);

/** An observation table of some 120 frames with a crowd in each. */
const MOST_TABLE_BYTES = 256 * 1024 * 1024;

/** Links the faces that lanes found into tracks over the whole clip, once: nothing later decides again who is who. */
@Injectable()
export class LinkStage extends ShotStage<'link'> {
  readonly stage = 'link';

  constructor(
    @Inject(DATABASE) database: Database,
    failures: ShotFailures,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly shots: StageShotRepository,
    private readonly analyses: AnalysisRepository,
    private readonly transitions: StageTransitions,
  ) {
    super(database, failures);
  }

  async run({ shotVersionId }: { shotVersionId: string }): Promise<void> {
    const shot = await this.shots.find(this.database, shotVersionId);
    if (shot === null || shot.state !== 'linking') return;
    const { analysisId, plate } = shot;
    if (analysisId === null || plate.media === null) {
      throw new UnderstudyError('INTERNAL', 'The shot reached its linking without an analysis.');
    }
    const { frameCount, video } = plate.media;
    const observations = await this.#observations(shotVersionId, frameCount);
    const tracks = linkTracks(observations, { frameCount, width: video.width, height: video.height });
    const bytes = await zip(Buffer.from(canonicalJson(analysisTable(plate.media, tracks)), 'utf8'), { level: 6 });
    const stored = await this.objects.put(Readable.from([bytes]));
    await this.database.hotTransaction(async (sql) => {
      await this.analyses.link(sql, analysisId, { ...stored, tracks: tracks.map(asRow) });
      await this.transitions.move(sql, {
        shotVersionId,
        from: ['linking'],
        to: 'planning',
        actor: this.actor,
        data: { analysisSha256: stored.sha256, tracks: tracks.length },
      });
    });
  }

  /** One entry a frame, over all ranges. */
  async #observations(shotVersionId: string, frameCount: number): Promise<FaceObservation[][]> {
    const frames: FaceObservation[][] = [];
    const ranges: { startFrame: number; endFrame: number }[] = [];
    for (const sha256 of await this.analyses.observationTables(this.database, shotVersionId)) {
      const options = { mostBytes: MOST_TABLE_BYTES, gzip: true };
      const table = await readJson(this.objects, sha256, ObservationTable, options);
      ranges.push(table);
      frames.push(...table.frames);
    }
    const fault = coverageFault(ranges, frameCount);
    if (fault === null) return frames;
    throw new UnderstudyError('UPLOAD_MISMATCH', `The analysed ranges do not cover the plate at frame ${fault}.`, {
      details: { frame: fault },
    });
  }
}

function analysisTable({ frameCount, video }: PlateInfo, tracks: readonly Track[]): AnalysisTable {
  return AnalysisTable.parse({
    format: 'understudy-analysis/1',
    frameCount,
    width: video.width,
    height: video.height,
    // The schema lets no template through.
    tracks,
  });
}

function asRow({ track, startFrame, endFrame, faces, embedding, uncertainFrames }: Track): AnalysisTrack {
  const template = embedding === null ? null : new Uint8Array(Float32Array.from(embedding).buffer);
  return { track, startFrame, endFrame, faces: faces.length, template, uncertainFrames };
}
