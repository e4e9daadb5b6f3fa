import { Inject, Injectable } from '@nestjs/common';
import {
  type AnalyseLease,
  CONTENT_ROUTES,
  type EnrolLease,
  type Lease,
  type ObjectRef,
  type RenderLease,
  ShotSettings,
} from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { SignedUrls } from '../access/signed-urls.js';
import type { Config } from '../config/config.js';
import { CONFIG } from '../platform/tokens.js';
import type { Candidate, Leased } from './claim.repository.js';
import type { Lane } from './lane.js';

/**
 * How long the address of an object holds at most: to fetch it once, with pauses. It opens nothing from when its worker is at
 * work on the shot no more.
 */
const OBJECT_URL_SECONDS = 600;
/** For so long the leases of one shot rest on one look at what it needs. */
const KEPT_MS = 30_000;
/** Shots whose part of a lease is kept ready. */
const MOST_KEPT = 500;

/** What all leases of a shot version in one state have in common. */
type ShotPart = Pick<RenderLease, 'plate' | 'matte' | 'analysis' | 'recipe' | 'cast' | 'anonymiseTracks' | 'encoding'>;
/** Made anew for each lease: the addresses are its worker's own. */
type PartFor = (ref: (stored: StoredRow) => ObjectRef) => TaskPart;
type TaskPart = Pick<EnrolLease, 'image'> | Pick<AnalyseLease, 'plate' | 'packs'> | ShotPart;

interface StoredRow {
  projectId: string;
  sha256: string;
  bytes: number;
}

interface PlateRow {
  plate: StoredRow;
  info: unknown;
  settings: unknown;
}

interface RenderRow extends PlateRow {
  /** With what was found in it. */
  matte: (StoredRow & { info: unknown }) | null;
  analysis: StoredRow | null;
  cast: { cast: number; tracks: number[]; images: StoredRow[] }[];
}

const stored = (table: string, of = table): string =>
  `jsonb_build_object('projectId', ${of}.project_id, 'sha256', ${table}.sha256, 'bytes', ${table}.bytes)`;

const IMAGE = 'SELECT project_id AS "projectId", sha256, bytes::float8 AS bytes FROM assets WHERE id = $1';

const PLATE = `
  SELECT ${stored('a')} AS plate, a.media AS info, v.settings
  FROM shot_versions v JOIN assets a ON a.id = v.plate_asset_id WHERE v.id = $1`;

const RENDER = `
  SELECT ${stored('a')} AS plate, a.media AS info, v.settings,
         CASE WHEN x.id IS NOT NULL THEN ${stored('x')} || jsonb_build_object('info', x.media) END AS matte,
         CASE WHEN n.sha256 IS NOT NULL THEN ${stored('n', 'a')} END AS analysis,
         coalesce((
           SELECT jsonb_agg(jsonb_build_object('cast', m."cast", 'tracks', m.tracks, 'images',
             (SELECT jsonb_agg(${stored('i')} ORDER BY array_position(m.identity_asset_ids, i.id))
              FROM assets i WHERE i.id = ANY (m.identity_asset_ids))) ORDER BY m."cast")
           FROM cast_members m WHERE m.shot_version_id = v.id), '[]') AS "cast"
  FROM shot_versions v
  JOIN assets a ON a.id = v.plate_asset_id
  LEFT JOIN assets x ON x.id = (v.settings->>'matteAssetId')::uuid
  LEFT JOIN analyses n ON n.id = v.analysis_id
  WHERE v.id = $1`;

/** What a lease names: the range, what is done to it, and addresses of just the objects it needs. */
@Injectable()
export class LeaseContents {
  /** Fixed while a shot stays in its state; by task kind, shot version and since when it is in that state. */
  readonly #kept = new Map<string, { partFor: PartFor; untilMs: number }>();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly signedUrls: SignedUrls,
  ) {}

  async ofAll(
    sql: Sql,
    pairs: readonly { task: Candidate; lane: Pick<Lane, 'workerId'>; leased: Leased }[],
  ): Promise<Lease[]> {
    const leases: Lease[] = [];
    for (const { task, lane, leased } of pairs) {
      const { id: taskId, shotVersionId } = task;
      const reader = { workerId: lane.workerId, ...(shotVersionId === null ? { taskId } : { shotVersionId }) };
      const partFor = await this.#partOf(sql, task);
      leases.push(
        this.#leaseOf(
          task,
          leased,
          partFor((stored) => this.#ref(stored, reader)),
        ),
      );
    }
    return leases;
  }

  #leaseOf(task: Candidate, { attemptId, epoch, expiresAt }: Leased, part: TaskPart): Lease {
    const { kind, startFrame, endFrame, shotVersionId } = task;
    const base = {
      attemptId,
      taskId: task.id,
      epoch,
      expiresAt: expiresAt.toISOString(),
      leaseSeconds: this.config.LEASE_SECONDS,
      heartbeatSeconds: this.config.HEARTBEAT_SECONDS,
      upload: { url: `${CONTENT_ROUTES.attemptResult.replace(':attemptId', attemptId)}?epoch=${epoch}` },
    };
    const range = kind === 'enrol' ? {} : { startFrame, endFrame };
    const version = kind === 'render' ? { shotVersionId } : {};
    return { kind, ...base, ...version, ...range, ...part } as Lease;
  }

  async #partOf(sql: Sql, task: Candidate): Promise<PartFor> {
    const key = [task.kind, task.shotVersionId ?? task.id, task.stateChangedAt?.getTime()].join();
    const kept = this.#kept.get(key);
    const nowMs = performance.now();
    if (kept !== undefined && kept.untilMs > nowMs) return kept.partFor;
    const partFor = await this.#read(sql, task);
    this.#kept.delete(key);
    if (task.kind !== 'enrol') this.#kept.set(key, { partFor, untilMs: nowMs + KEPT_MS });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return partFor;
  }

  async #read(sql: Sql, { kind, assetId, shotVersionId }: Candidate): Promise<PartFor> {
    if (kind === 'enrol') {
      const image = one(await sql.query<StoredRow>(IMAGE, [assetId]), 'the image');
      return (ref) => ({ image: ref(image) });
    }
    if (kind === 'analyse') {
      const { plate, info, settings } = one(await sql.query<PlateRow>(PLATE, [shotVersionId]), 'the plate');
      const { analysis } = ShotSettings.parse(settings);
      return (ref) => ({ plate: { source: ref(plate), info }, packs: analysis }) as TaskPart;
    }
    const { plate, info, analysis, matte, cast, settings } = one(
      await sql.query<RenderRow>(RENDER, [shotVersionId]),
      'the shot version',
    );
    if (analysis === null) throw new Error('a shot is rendered without an analysis');
    const { recipe, encoding, anonymiseTracks } = ShotSettings.parse(settings);
    return (ref) =>
      ({
        plate: { source: ref(plate), info },
        analysis: ref(analysis),
        recipe,
        ...(matte === null ? {} : { matte: { source: ref(matte), info: matte.info } }),
        cast: cast.map(({ images, ...member }) => ({ ...member, identityImages: images.map(ref) })),
        anonymiseTracks,
        encoding,
      }) as TaskPart;
  }

  /** @param reader who reads it, and for what: the address opens nothing once that is over */
  #ref({ projectId, sha256, bytes }: StoredRow, reader: Readonly<Record<string, string>>): ObjectRef {
    const path = CONTENT_ROUTES.leasedObject.replace(':sha256', sha256);
    const url = this.signedUrls.sign(path, OBJECT_URL_SECONDS, { projectId, sha256, ...reader });
    return { sha256, bytes, mediaType: 'application/octet-stream', url };
  }
}

function one<Row>([row]: Row[], what: string): Row {
  if (row === undefined) throw new Error(`${what} of a leased task is not there`);
  return row;
}
