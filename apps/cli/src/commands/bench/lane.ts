import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crewOf, parityClass } from '@understudy/inference';
import { mediaTools } from '@understudy/media';
import type { Config } from '../../config.js';
import { cpuMsOf } from './cpu-meter.js';
import { type LaneClipOptions, laneClip } from './lane-clip.js';
import { LANE_ENCODING, laneJob, type LaneRun, runLaneJob } from './lane-job.js';
import { ceilingFps, stageCosts } from './lane-stages.js';
import { tenths } from './load-job.js';

const run = promisify(execFile);

export interface LaneOptions extends Omit<LaneClipOptions, 'homeDir'> {
  readonly config: Config;
  readonly lanes: number;
  /** How often the job and the transcode beside it are timed. */
  readonly runs: number;
  readonly onStep: (step: string) => void;
}

/** Medians of the runs; frames a second are the clip's frames over wall time. */
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
  readonly runs: readonly { readonly jobS: number; readonly transcodeS: number }[];
}

/** The whole job on real lanes beside a plain transcode of the same clip with the same settings, in turns. */
export async function benchLane(options: LaneOptions): Promise<LaneReport> {
  const { config, lanes, signal, onStep } = options;
  const clip = await laneClip({ ...options, homeDir: config.homeDir });
  const { threads } = crewOf({ provider: 'cpu', threads: Math.max(1, Math.floor(config.cores / lanes)) });
  const stages = await stageCosts(clip, { homeDir: config.homeDir, threads, onStep, signal });
  const job = await laneJob(clip, config);
  const folder = await mkdtemp(join(tmpdir(), 'understudy-bench-'));
  const runs: { job: LaneRun; transcode: Transcode }[] = [];
  try {
    for (let turn = 1; turn <= options.runs; turn += 1) {
      signal.throwIfAborted();
      onStep(`run ${turn} of ${options.runs}: transcoding`);
      const transcoded = await transcode(clip.path, join(folder, 'transcoded.mp4'), signal);
      onStep(`run ${turn} of ${options.runs}: the job on ${lanes} ${lanes === 1 ? 'lane' : 'lanes'}`);
      const outPath = join(folder, 'delivery.mp4');
      runs.push({ transcode: transcoded, job: await runLaneJob(job, { config, lanes, outPath, signal }) });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return reportOf(clip.name, stages, runs, options, threads);
}

function reportOf(
  clip: string,
  stages: Readonly<Record<string, number>>,
  runs: readonly { job: LaneRun; transcode: Transcode }[],
  { config, lanes }: LaneOptions,
  threads: number,
): LaneReport {
  const middle = (value: (one: { job: LaneRun; transcode: Transcode }) => number) => median(runs.map(value));
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
    rssMiB: Math.max(...runs.map(({ job }) => job.rssMiB)),
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
