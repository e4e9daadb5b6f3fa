import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import type {
  AnalyseLease,
  CompleteAttempt,
  FaceObservation,
  FaceProbe,
  Lease,
  RenderLease,
  RestoredTrack,
} from '@understudy/contracts';
import { openSegmentWriter, type PlateInfo, readFrames } from '@understudy/media';
import type { ProjectObjects } from '@understudy/storage';
import { Claims } from '../../apps/coordinator/src/shards/claims.js';
import { Completions } from '../../apps/coordinator/src/shards/completions.js';
import { type Lane, laneOf, parityLine } from '../../apps/coordinator/src/shards/lane.js';
import { LaneRepository } from '../../apps/coordinator/src/shards/lane.repository.js';
import { capabilities } from './shards-farm.js';
import type { StagesFarm } from './stages-farm.js';

/** People are strangers to one another: each has an axis of their own. */
export function templateOf(person: number): Buffer {
  const template = new Float32Array(512);
  template[person] = 1;
  return Buffer.from(template.buffer);
}

/** Somebody as like the one person as the other. */
export function templateBetween(one: number, other: number): Buffer {
  const template = new Float32Array(512);
  template[one] = template[other] = Math.SQRT1_2;
  return Buffer.from(template.buffer);
}

/** A face that drifts slowly to the right, a place of its own for each person. */
export function observe(frame: number, person: number, more: Partial<FaceObservation> = {}): FaceObservation {
  const [x, y] = [14 + person * 40 + frame * 0.1, 30];
  const landmarks = Array.from({ length: 68 }, (_, index) => {
    const angle = (index / 68) * 2 * Math.PI;
    return [x + 12 + 11 * Math.cos(angle), y + 15 + 14 * Math.sin(angle)];
  }).flat();
  return {
    frame,
    box: { x, y, width: 24, height: 30 },
    score: 0.98,
    landmarks,
    spread: 0.02,
    ...(frame % 6 === 0 ? { embedding: templateOf(person).toString('base64') } : {}),
    ...more,
  };
}

export type Faces = (frame: number) => FaceObservation[];

interface Result {
  readonly bytes: Buffer;
  readonly frames: number;
  readonly frameHashes?: string[];
  readonly probes?: FaceProbe[];
}

/** The same range of the same plate is the same segment, so each is encoded once. */
const RENDERED = new Map<string, Result>();

/** A lane without models: it sees the faces it is told of, and renders by copying the plate, frame by frame. */
export class FakeLane {
  /** Whom it sees in each frame: the performer of the plate, and somebody who is not in the cast. */
  faces: Faces = (frame) => [observe(frame, 0), observe(frame, 1)];
  /** Whose face it reads in an image. */
  enrolled = 2;
  /** The model that it says it reads faces with. */
  recogniser = 'test';
  /** No two pictures are of the very same quality, so no two results are the same object. */
  #images = 0;
  /** Renders every sample so much brighter. */
  brighter = 0;
  /** Says of each segment how strongly it restored the cast's tracks there. */
  restored?: (startFrame: number, endFrame: number, track: number) => Omit<RestoredTrack, 'track' | 'cast'>;
  /** Called with a lease before any work on it. */
  onLease: (lease: Lease) => Promise<void> | void = () => undefined;

  private constructor(
    private readonly farm: StagesFarm,
    readonly lane: Lane,
  ) {}

  /**
   * @param packs SHA-256 of manifests whose self-test it passed
   * @param worker whose lane it is; without one it is a worker's of its own
   */
  static async register(farm: StagesFarm, packs: readonly string[] = [], worker?: FakeLane): Promise<FakeLane> {
    const workerId = worker?.lane.workerId ?? randomUUID();
    const own = capabilities();
    const can = { ...own, packs: [...own.packs, ...packs] };
    await farm.owner.query(
      'INSERT INTO workers (id, name, created_by) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING',
      [workerId, `worker ${workerId}`, randomUUID()],
    );
    const place = { ordinal: 0, host: worker === undefined ? 'host' : `host ${randomUUID()}`, capabilities: can };
    const id = await farm.get(LaneRepository).register(farm.owner, workerId, place);
    return new FakeLane(farm, laneOf({ id, workerId, capabilities: can, parityClass: parityLine(can.parityClass) }));
  }

  /** Takes and completes what there is, until nothing is left. @returns the leases it had */
  async workOff(most = Number.POSITIVE_INFINITY): Promise<Lease[]> {
    const leases: Lease[] = [];
    while (leases.length < most) {
      const lease = await this.farm.get(Claims).claim(this.lane);
      if (lease === null) break;
      leases.push(lease);
      await this.onLease(lease);
      await this.complete(lease);
    }
    return leases;
  }

  async complete(lease: Lease): Promise<void> {
    const { bytes, frames, frameHashes, probes } = await this.#work(lease);
    const objects = await this.#objectsOf(lease);
    await objects.appendUpload(lease.attemptId, 0, Readable.from([bytes]), 1e9);
    const report: CompleteAttempt = {
      epoch: lease.epoch,
      result: {
        sha256: createHash('sha256').update(bytes).digest('hex'),
        bytes: bytes.length,
        frames,
        ...(frameHashes === undefined ? {} : { frameHashes }),
        ...(lease.kind === 'render' && this.restored !== undefined ? { restored: this.#restoredIn(lease) } : {}),
      },
      timingsMs: { all: 1 },
      ...(probes === undefined ? {} : { probes }),
    };
    await this.farm.get(Completions).complete(this.lane.workerId, lease.attemptId, report);
  }

  #restoredIn({ startFrame, endFrame, cast }: RenderLease): RestoredTrack[] {
    return cast.flatMap((member) =>
      member.tracks.flatMap((track) => {
        const figures = this.restored?.(startFrame, endFrame, track);
        return figures === undefined ? [] : { ...figures, track, cast: member.cast };
      }),
    );
  }

  async #work(lease: Lease): Promise<Result> {
    if (lease.kind === 'enrol') return this.#enrol();
    return lease.kind === 'analyse' ? this.#analyse(lease) : this.#render(lease);
  }

  #enrol(): Result {
    const result = {
      format: 'understudy-template/1',
      template: templateOf(this.enrolled).toString('base64'),
      recogniser: this.recogniser,
      quality: 0.9 - (this.#images += 1) / 1e6,
    };
    return { bytes: Buffer.from(JSON.stringify(result)), frames: 0 };
  }

  #analyse({ startFrame, endFrame }: AnalyseLease): Result {
    const frames = Array.from({ length: endFrame - startFrame }, (_, n) => this.faces(startFrame + n));
    const table = { format: 'understudy-observations/1', startFrame, endFrame, recogniser: this.recogniser, frames };
    return { bytes: gzipSync(JSON.stringify(table)), frames: frames.length };
  }

  async #render(lease: RenderLease): Promise<Result> {
    const { startFrame, endFrame, plate, encoding, cast } = lease;
    const key = JSON.stringify([plate.source.sha256, startFrame, endFrame, encoding, this.brighter]);
    const segment = RENDERED.get(key) ?? (await this.#encode(lease));
    RENDERED.set(key, segment);
    return { ...segment, probes: probesOf(startFrame, endFrame, cast) };
  }

  async #objectsOf({ taskId }: Lease): Promise<ProjectObjects> {
    const { projectId } = await this.farm.one<{ projectId: string }>(
      'SELECT project_id AS "projectId" FROM tasks WHERE id = $1',
      [taskId],
    );
    return this.farm.objects.of(projectId);
  }

  async #encode(lease: RenderLease): Promise<Result> {
    const { sha256 } = lease.plate.source;
    return await (await this.#objectsOf(lease)).withFiles([sha256], ([source = '']) => this.#brighten(lease, source));
  }

  async #brighten({ startFrame, endFrame, plate, encoding }: RenderLease, source: string): Promise<Result> {
    const info = plate.info as PlateInfo;
    const folder = await mkdtemp(join(tmpdir(), 'fake-lane-'));
    try {
      const path = join(folder, 'segment.mp4');
      const writer = await openSegmentWriter({ path, plate: info, encoding });
      for await (const { frame } of readFrames({ path: source, plate: info, startFrame, endFrame })) {
        if (this.brighter > 0)
          for (const [at, sample] of frame.bytes.entries()) frame.bytes[at] = Math.min(235, sample + this.brighter);
        await writer.write(frame);
      }
      const { frames, frameHashes } = await writer.finish();
      return { bytes: await readFile(path), frames, frameHashes: [...frameHashes] };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/** Figures that tell frame and track, so that a report can be checked by hand. */
function probesOf(startFrame: number, endFrame: number, cast: RenderLease['cast']): FaceProbe[] {
  const frames = Array.from({ length: endFrame - startFrame }, (_, n) => startFrame + n);
  return cast.flatMap((member) =>
    member.tracks.flatMap((track) =>
      frames.map((frame) => ({
        frame,
        track,
        cast: member.cast,
        idToIdentityBefore: 0.05,
        idToIdentity: 0.4 + frame / 100,
        idToPlate: 0.2,
        landmarkNme: 0.03,
      })),
    ),
  );
}
