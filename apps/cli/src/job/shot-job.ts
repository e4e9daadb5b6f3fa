import type { NodeClient } from '@understudy/client/node';
import {
  type AnalysisPacks,
  type LaneNeeds,
  type ConsentDocument,
  type Encoding,
  type Project,
  type Recipe,
  type Shot,
  type ShotReport,
  type SubmitShot,
  UnderstudyError,
} from '@understudy/contracts';
import type { Container } from '../output/target.js';
import type { Progress } from '../terminal/progress.js';
import { castParties, type CastParties, type CastRequest, type FaceReader } from './casting.js';
import { fetchDelivery } from './delivery.js';
import { awaitTemplates } from './templates.js';
import { type LocalFile, uploadAsset } from './upload.js';
import { type StateSeconds, watchShot } from './watch.js';

/** A shot as a person asks for it, with files of their own. */
export interface ShotJob {
  readonly project: string;
  readonly name: string;
  readonly plate: LocalFile;
  /** The plate stays where it is black. */
  readonly matte?: LocalFile | undefined;
  readonly recipe: Recipe;
  /** What finds the plate's faces; absent, the built-in models. */
  readonly analysis?: AnalysisPacks | undefined;
  readonly casts: readonly CastRequest[];
  /** The performers of every cast member, where the consents given do not have to tell. */
  readonly parties?: CastParties | undefined;
  readonly keepFaces: readonly LocalFile[];
  readonly consents: readonly ConsentDocument[];
  readonly basis?: string | undefined;
  readonly encoding: Encoding;
  readonly container: Container;
  readonly shardFrames?: number | undefined;
  readonly leastShards: number;
  readonly acceptUncertain?: string | undefined;
  /** Its place among a farm's other shots; absent, an ordinary one. */
  readonly priority?: number | undefined;
  readonly needs?: LaneNeeds | undefined;
  /** Shots that must be ready first. */
  readonly after?: readonly string[] | undefined;
  /** The batch that it joins. */
  readonly batch?: string | undefined;
}

export interface ShotJobContext {
  readonly client: NodeClient;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly readFace: FaceReader;
  /** Finds the project that the shot belongs to, or makes it. */
  readonly projectOf: (client: NodeClient, name: string) => Promise<Project>;
  /** Makes the shot's packs known to the farm, where nobody else does; its performers are known by then. */
  readonly registerPacks?: (cast: SubmitShot['cast']) => Promise<void>;
}

export interface SubmittedShot {
  readonly shot: Shot;
  readonly waivers: readonly string[];
}

/** Registers the consents, uploads what the farm does not hold yet and submits the shot. */
export async function submitShot(job: ShotJob, context: ShotJobContext): Promise<SubmittedShot> {
  const { client, progress, signal } = context;
  const project = await context.projectOf(client, job.project);
  const waivers: string[] = [];
  for (const document of job.consents) {
    const imported = await client.call(
      'importConsent',
      { params: { projectId: project.id }, body: document },
      { signal },
    );
    waivers.push(...imported.waivers);
  }
  progress.phase('uploading', job.plate.bytes);
  const plate = await uploadAsset(client, {
    projectId: project.id,
    kind: 'plate',
    file: job.plate,
    signal,
    onProgress: (done) => progress.update(done),
  });
  const matte =
    job.matte === undefined
      ? undefined
      : await uploadAsset(client, { projectId: project.id, kind: 'matte', file: job.matte, signal });
  const images = await uploadImages(job, project, context);
  progress.phase('reading faces');
  await awaitTemplates(client, images.labels, signal);
  const body: SubmitShot = {
    projectId: project.id,
    name: job.name,
    plateAssetId: plate.id,
    recipe: job.recipe,
    analysis: job.analysis ?? {},
    ...(matte === undefined ? {} : { matteAssetId: matte.id }),
    cast: await castMembers(job, project, images.idOf, context),
    keepAssetIds: job.keepFaces.map((file) => images.idOf(file)),
    encoding: job.encoding,
    container: job.container,
    leastShards: job.leastShards,
    priority: job.priority ?? 50,
    needs: job.needs ?? {},
    after: [...(job.after ?? [])],
    ...(job.batch === undefined ? {} : { batch: job.batch }),
    ...(job.basis === undefined ? {} : { basis: job.basis }),
    ...(job.shardFrames === undefined ? {} : { shardFrames: job.shardFrames }),
    ...(job.acceptUncertain === undefined ? {} : { acceptUncertain: job.acceptUncertain }),
  };
  await context.registerPacks?.(body.cast);
  return { shot: await client.call('submitShot', { body }, { signal }), waivers };
}

export interface FinishedShot {
  readonly report: ShotReport;
  readonly seconds: StateSeconds;
}

/** Follows a submitted shot, releases its delivery and brings it to `outPath`, whole or not at all. */
export async function finishShot(shotId: string, outPath: string, context: ShotJobContext): Promise<FinishedShot> {
  const { client, progress, signal } = context;
  const { shot, seconds } = await watchShot(client, shotId, progress, signal);
  const deliveryId = shot.deliveryId;
  if (deliveryId === null) throw new UnderstudyError('INTERNAL', 'the shot is ready but has no delivery');
  progress.phase('downloading');
  const params = { deliveryId };
  const released = await client.call(
    'releaseDelivery',
    { params, body: { reason: 'fetched by the command that submitted the shot' } },
    { signal },
  );
  await fetchDelivery(client, released, outPath, signal);
  const report = await client.call('getShotReport', { params: { shotId } }, { signal });
  progress.end();
  return { report: { ...report, output: { ...report.output, path: outPath } }, seconds };
}

interface UploadedImages {
  /** Paths by asset id, for errors. */
  readonly labels: ReadonlyMap<string, string>;
  readonly idOf: (file: LocalFile) => string;
}

async function uploadImages(
  job: ShotJob,
  project: Project,
  { client, signal }: ShotJobContext,
): Promise<UploadedImages> {
  const labels = new Map<string, string>();
  const ids = new Map<LocalFile, string>();
  const upload = async (kind: 'identity' | 'plate_reference', file: LocalFile): Promise<void> => {
    const asset = await uploadAsset(client, { projectId: project.id, kind, file, signal });
    labels.set(asset.id, file.path);
    ids.set(file, asset.id);
  };
  for (const cast of job.casts) {
    for (const file of cast.identities) await upload('identity', file);
    if (cast.plateFace !== null) await upload('plate_reference', cast.plateFace);
  }
  for (const file of job.keepFaces) await upload('plate_reference', file);
  const idOf = (file: LocalFile): string => {
    const id = ids.get(file);
    if (id === undefined) throw new Error('an image was not uploaded');
    return id;
  };
  return { labels, idOf };
}

async function castMembers(
  job: ShotJob,
  project: Project,
  idOf: UploadedImages['idOf'],
  { client, signal, readFace }: ShotJobContext,
): Promise<SubmitShot['cast']> {
  if (job.casts.length === 0) return [];
  const named = job.parties;
  const parties =
    named === undefined ? await castParties(job.consents, job.casts, readFace) : job.casts.map(() => named);
  const { items: performers } = await client.call(
    'listPerformers',
    { query: { projectId: project.id, limit: 500 } },
    { signal },
  );
  const idOfPerformer = (name: string): string => {
    const performer = performers.find((one) => one.name === name);
    if (performer === undefined) throw new UnderstudyError('NOT_FOUND', `the farm knows no performer ${name}`);
    return performer.id;
  };
  return job.casts.map((cast, index) => ({
    platePerformerId: idOfPerformer(parties[index]?.plate ?? ''),
    plateReferenceAssetIds: cast.plateFace === null ? [] : [idOf(cast.plateFace)],
    identityPerformerId: idOfPerformer(parties[index]?.identity ?? ''),
    identityAssetIds: cast.identities.map((file) => idOf(file)),
  }));
}
