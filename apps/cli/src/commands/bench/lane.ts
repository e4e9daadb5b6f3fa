import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crewOf, parityClass } from '@understudy/inference';
import { mediaTools } from '@understudy/media';
import type { Config } from '../../config.js';
import { withLocalFarm } from '../with-farm.js';
import { cpuMsOf } from './cpu-meter.js';
import { type LaneClip, type LaneClipOptions, laneClip } from './lane-clip.js';
import { LANE_ENCODING, laneJob, type LaneRun, runLaneJob, untilLanesAreReady } from './lane-job.js';
import { ceilingFps, stageCosts } from './lane-stages.js';
import { tenths } from './load-job.js';

const run = promisify(execFile);

export interface LaneOptions extends Omit<LaneClipOptions, 'homeDir'> {
  readonly config: Config;
  readonly lanes: number;
  /** How often the job and the transcode beside it are timed, on lanes that have worked before. */
  readonly runs: number;
  readonly onStep: (step: string) => void;
}

/** Medians of the runs on warm lanes; frames a second are the clip's frames over wall time. */
export interface LaneReport {
  readonly clip: string;
  readonly frames: number;
  readonly recipe: string;
  readonly provider: string;
  readonly precision: string;
  readonly lanes: number;
  readonly cores: number;
  readonly encoding: string;
  /** Processor milliseconds a frame. */
  readonly stages: Readonly<Record<string, number>>;
  readonly ceilingFps: number;
  /** Analyse, render and join. */
  readonly laneFps: number;
  readonly efficiency: number;
  readonly transcodeFps: number;
  readonly speedVsTranscode: number;
  /** From the submission to a verified delivery. */
  readonly wholeFps: number;
  readonly cpuMsPerFrame: { readonly lanes: number; readonly coordinator: number; readonly transcode: number };
  readonly stagesS: Readonly<Record<string, number>>;
  readonly shards: number;
  readonly rssMiB: number;
  /** The first job of lanes that have just started: their code is not compiled yet. */
  readonly coldJobS: number;
  readonly runs: readonly { readonly jobS: number; readonly transcodeS: number }[];
}

/** The whole job on real lanes beside a plain transcode of the same clip with the same settings, in turns. */
export async function benchLane(options: LaneOptions): Promise<LaneReport> {
  const { config, lanes, signal, onStep } = options;
  const clip = await laneClip({ ...options, homeDir: config.homeDir });
  const threads = Math.max(1, Math.floor(config.cores / lanes));
  const stages = await stageCosts(clip, { homeDir: config.homeDir, threads, onStep, signal });
  const folder = await mkdtemp(join(tmpdir(), 'understudy-bench-'));
  try {
    const { cold, runs } = await timedRuns(clip, folder, options);
    return reportOf(clip.name, stages, cold, runs, options, crewOf({ provider: 'cpu', threads }).threads);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface TimedRun {
  readonly job: LaneRun;
  readonly transcode: Transcode;
}

/** All on one farm, as a studio's is: its lanes live for days, so the first job alone says little. */
async function timedRuns(clip: LaneClip, folder: string, { config, lanes, signal, onStep, ...options }: LaneOptions) {
  return withLocalFarm({ config, lanes, signal, onStep: () => {} }, async (farm, farmSignal) => {
    await untilLanesAreReady(farm, farmSignal);
    const outPath = join(folder, 'delivery.mp4');
    const jobOf = async (turn: number) => {
      // No run finds what the one before it had prepared: neither plate nor project is the same.
      const plate = join(folder, `plate-${turn}.mp4`);
      await run(mediaTools().ffmpeg, [...COPY, clip.path, ...MARKED, `comment=turn ${turn}`, plate], {
        signal: farmSignal,
      });
      const job = await laneJob({ ...clip, path: plate }, `bench-${turn}`, config);
      return runLaneJob(job, farm, { homeDir: config.homeDir, outPath, signal: farmSignal });
    };
    const of = `on ${lanes} ${lanes === 1 ? 'lane' : 'lanes'}`;
    onStep(`the first job ${of}`);
    const cold = await jobOf(0);
    const runs: TimedRun[] = [];
    for (let turn = 1; turn <= options.runs; turn += 1) {
      onStep(`run ${turn} of ${options.runs}: transcoding`);
      const transcoded = await transcode(clip.path, join(folder, 'transcoded.mp4'), farmSignal);
      onStep(`run ${turn} of ${options.runs}: the job ${of}`);
      runs.push({ transcode: transcoded, job: await jobOf(turn) });
    }
    return { cold, runs };
  });
}

const COPY = ['-v', 'error', '-y', '-i'];
const MARKED = ['-map', '0', '-c', 'copy', '-metadata'];

function reportOf(
  clip: string,
  stages: Readonly<Record<string, number>>,
  cold: LaneRun,
  runs: readonly TimedRun[],
  { config, lanes }: LaneOptions,
  threads: number,
): LaneReport {
  const middle = (value: (one: TimedRun) => number) => median(runs.map(value));
  const ceiling = ceilingFps(stages, config.cores);
  const laneFps = middle(({ job }) => job.frames / job.jobS);
  const transcodeFps = middle(({ job, transcode }) => job.frames / transcode.seconds);
  const names = [...new Set(runs.flatMap(({ job }) => Object.keys(job.stagesS)))];
  const { provider, precision } = parityClass({ threads });
  return {
    clip,
    frames: runs[0]?.job.frames ?? 0,
    recipe: 'replace',
    provider,
    precision,
    lanes,
    cores: config.cores,
    encoding: `x264 ${LANE_ENCODING.preset} crf ${LANE_ENCODING.crf}`,
    stages: Object.fromEntries(Object.entries(stages).map(([name, ms]) => [name, hundredths(ms)])),
    ceilingFps: hundredths(ceiling),
    laneFps: hundredths(laneFps),
    efficiency: hundredths(laneFps / ceiling),
    transcodeFps: hundredths(transcodeFps),
    // Of each run by itself: what else the machine does then slows both.
    speedVsTranscode: hundredths(middle(({ job, transcode }) => transcode.seconds / job.jobS)),
    wholeFps: hundredths(middle(({ job }) => job.frames / job.wholeS)),
    cpuMsPerFrame: {
      lanes: tenths(middle(({ job }) => job.cpuMsPerFrame.lanes)),
      coordinator: tenths(middle(({ job }) => job.cpuMsPerFrame.coordinator)),
      transcode: tenths(middle(({ job, transcode }) => transcode.cpuMs / job.frames)),
    },
    stagesS: Object.fromEntries(names.map((name) => [name, hundredths(middle(({ job }) => job.stagesS[name] ?? 0))])),
    shards: runs[0]?.job.shards ?? 0,
    rssMiB: Math.max(...[cold, ...runs.map(({ job }) => job)].map(({ rssMiB }) => rssMiB)),
    coldJobS: hundredths(cold.jobS),
    runs: runs.map(({ job, transcode }) => ({
      jobS: hundredths(job.jobS),
      transcodeS: hundredths(transcode.seconds),
    })),
  };
}

export function describeLane(report: LaneReport): string {
  const { stages, cpuMsPerFrame: cpu } = report;
  const lines = [
    `${report.clip}: ${report.frames} frames, ${report.lanes} lanes, ${report.cores} cores, ${report.encoding}`,
    ...Object.entries(stages).map(([name, ms]) => `  ${name.padEnd(12)}${ms.toFixed(2).padStart(8)} ms a frame`),
    `ceiling ${report.ceilingFps} frames/s, lane ${report.laneFps} (efficiency ${report.efficiency})`,
    `transcode ${report.transcodeFps} frames/s, the job at ${report.speedVsTranscode} of its speed`,
    `processor time a frame: lanes ${cpu.lanes} ms, coordinator ${cpu.coordinator} ms, transcode ${cpu.transcode} ms`,
    `the first job of lanes just started: ${report.coldJobS} s, later ones ${report.runs.map(({ jobS }) => jobS).join(', ')} s`,
    `a lane holds ${report.rssMiB} MiB at most`,
  ];
  return lines.join('\n');
}

interface Transcode {
  readonly seconds: number;
  readonly cpuMs: number;
}

async function transcode(path: string, output: string, signal: AbortSignal): Promise<Transcode> {
  const coding = ['-c:v', 'libx264', '-preset', LANE_ENCODING.preset, '-crf', String(LANE_ENCODING.crf)];
  const args = ['-v', 'error', '-y', '-i', path, ...coding, '-c:a', 'copy', output];
  const startedMs = performance.now();
  const cpu = await cpuMsOf(() => run(mediaTools().ffmpeg, args, { signal }));
  return { seconds: (performance.now() - startedMs) / 1000, cpuMs: cpu };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}
