import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConsentParty, Encoding, recipePreset, type ShotReport } from '@understudy/contracts';
import type { Config } from '../../config.js';
import { newConsentDocument } from '../../consent/document.js';
import { operatorKey } from '../../consent/operator-key.js';
import { createFaceReader } from '../../faces/face-reader.js';
import type { LocalFarm } from '../../farm/local-farm.js';
import { localProject } from '../../job/local-project.js';
import { finishShot, type ShotJob, submitShot } from '../../job/shot-job.js';
import { readLocalFile } from '../../job/upload.js';
import { party } from '../consent.js';
import type { LaneClip } from './lane-clip.js';
import { cpuMs, largestRssMiB } from './process-usage.js';

/** The settings of the measured line: those of the plain transcode beside it. */
export const LANE_ENCODING = Encoding.parse({ mode: 'delivery', preset: 'veryfast', crf: 18 });

export interface LaneRun {
  readonly frames: number;
  readonly shards: number;
  /** Analyse, render and join, with what lies between them; not the upload, the ingest or the delivery's verification. */
  readonly jobS: number;
  /** From the submission to a verified delivery. */
  readonly wholeS: number;
  readonly stagesS: Readonly<Record<string, number>>;
  /** Processor time of the lanes and of the coordinator, with their ffmpeg processes, for one frame. */
  readonly cpuMsPerFrame: { readonly lanes: number; readonly coordinator: number };
  /** The most that was seen of one lane process. */
  readonly rssMiB: number;
}

const SAMPLING_MS = 200;
/** What the report names the states between the end of the ingest and the joined file. */
const JOB_STAGES = ['analyse', 'link', 'plan', 'render', 'assemble'];

/** The shot, its consents signed by this installation's operator. */
export async function laneJob(clip: LaneClip, project: string, config: Config): Promise<ShotJob> {
  const parties: ConsentParty[] = [
    await party('identity', 'the identity', clip.identities, config.homeDir),
    await party('plate', 'the plate', clip.plateFaces, config.homeDir),
  ];
  const request = {
    project,
    operations: ['replace' as const],
    parties,
    validDays: 1,
    intendedUse: 'A measurement on this machine.',
  };
  const [plateFace = ''] = clip.plateFaces;
  return {
    project,
    name: clip.name,
    plate: await readLocalFile(clip.path),
    recipe: recipePreset('replace'),
    casts: [
      {
        identities: await Promise.all(clip.identities.map((path) => readLocalFile(path))),
        plateFace: await readLocalFile(plateFace),
      },
    ],
    keepFaces: [],
    consents: [newConsentDocument(request, await operatorKey(config.homeDir), new Date())],
    encoding: LANE_ENCODING,
    container: 'mp4',
    leastShards: 2,
    acceptUncertain: 'a measurement, shown to nobody',
  };
}

/** The whole job on a farm whose lanes wait for one. */
export async function runLaneJob(
  job: ShotJob,
  farm: LocalFarm,
  { homeDir, outPath, signal }: { homeDir: string; outPath: string; signal: AbortSignal },
): Promise<LaneRun> {
  const silent = { phase: () => {}, update: () => {}, note: () => {}, end: () => {} };
  const readFace = createFaceReader(homeDir);
  const context = { client: farm.client, progress: silent, signal, readFace, projectOf: localProject };
  const usage = await startUsage(farm);
  try {
    const { shot } = await submitShot(job, context);
    const { report } = await finishShot(shot.id, outPath, context);
    return { ...figuresOf(report), ...(await usage.end(report.frames)) };
  } finally {
    usage.stop();
  }
}

function figuresOf({
  frames,
  shards,
  timingsS,
}: ShotReport): Pick<LaneRun, 'frames' | 'shards' | 'jobS' | 'wholeS' | 'stagesS'> {
  const jobS = JOB_STAGES.reduce((sum, stage) => sum + (timingsS[stage] ?? 0), 0);
  return { frames, shards, jobS, wholeS: timingsS['total'] ?? Number.NaN, stagesS: timingsS };
}

export async function untilLanesAreReady(farm: LocalFarm, signal: AbortSignal): Promise<void> {
  const log = join(farm.dir, 'worker.log');
  while (!(await readFile(log, 'utf8').catch(() => '')).includes('lanes ready'))
    await delay(100, undefined, { signal });
}

/** Follows the processes of a farm from now on. */
async function startUsage({ processes }: LocalFarm) {
  const pids = { lanes: processes['worker'] ?? 0, coordinator: processes['coordinator'] ?? 0 };
  const read = async () => ({ lanes: await cpuMs(pids.lanes, true), coordinator: await cpuMs(pids.coordinator, true) });
  const before = await read();
  let rssMiB = 0;
  let over = false;
  const sampling = (async () => {
    while (!over) {
      rssMiB = Math.max(rssMiB, await largestRssMiB(pids.lanes));
      await delay(SAMPLING_MS);
    }
  })();
  return {
    stop: (): void => {
      over = true;
    },
    end: async (frames: number): Promise<Pick<LaneRun, 'cpuMsPerFrame' | 'rssMiB'>> => {
      over = true;
      await sampling;
      const after = await read();
      const perFrame = (side: 'lanes' | 'coordinator') => (after[side] - before[side]) / frames;
      return { cpuMsPerFrame: { lanes: perFrame('lanes'), coordinator: perFrame('coordinator') }, rssMiB };
    },
  };
}
