import {
  analyseForMeasure,
  DEFAULT_REPLACE_SETTINGS as settings,
  measureReplacement,
  openFaceModels,
  type ReplacementFigures,
} from '@understudy/face';
import { ensureDefaultPack } from '@understudy/inference';
import type { Config } from '../../config.js';
import { cachedSample } from '../../sample/cached-sample.js';
import type { Progress } from '../../terminal/progress.js';
import { benchReidentification, describeReidentification, type ReidentificationReport } from './reidentification.js';
import { footageCases, measuredClip, measuredIdentity, sampleCase } from './quality-inputs.js';

export interface QualityOptions {
  readonly config: Config;
  /** A folder of `portrait-*` and `plate-*` files, each pair measured beside the drawn sample. */
  readonly footage?: string | undefined;
  /** Drawn people to know again after they are covered; 0 leaves that out. */
  readonly people: number;
  readonly every: number;
  readonly frames?: number | undefined;
  readonly progress: Progress;
  readonly onStep: (step: string) => void;
  readonly signal: AbortSignal;
}

export interface QualityCase extends ReplacementFigures {
  readonly name: string;
  readonly recipe: string;
}

/** Frames of a range; a lane's shards are about as long. */
const RANGE_FRAMES = 24;
/** Pictures of each person in the gallery, and as many probes. */
const LOOKS_EACH = 3;
/** Stands for a background of which not one sample differs: JSON has no infinity. */
const SAME_DB = 100;

export interface QualityReport {
  readonly cases: readonly QualityCase[];
  readonly reidentification?: ReidentificationReport;
}

/** The figures of each pair, rendered in memory by the library that the lanes use: no encoder blurs what is measured. */
export async function benchQuality(options: QualityOptions): Promise<QualityReport> {
  const { config, footage, people, every, frames, progress, onStep, signal } = options;
  const sample = sampleCase(await cachedSample(config.homeDir, progress, signal));
  const plates = [sample, ...(footage === undefined ? [] : await footageCases(footage))];
  const models = await openFaceModels(await ensureDefaultPack(config.homeDir), { threads: config.cores });
  const cases: QualityCase[] = [];
  try {
    for (const plate of plates) {
      onStep(`analysing ${plate.name}`);
      const clip = await measuredClip(plate.path, frames);
      const wanted =
        plate.references.length === 0 ? undefined : (await measuredIdentity(models, plate.references)).embedding;
      const track = await analyseForMeasure(models, clip, wanted);
      for (const { name, images } of plate.identities) {
        signal.throwIfAborted();
        onStep(`measuring ${name} on ${plate.name}`);
        const identity = await measuredIdentity(models, images);
        const how = { every, rangeFrames: RANGE_FRAMES, settings };
        const measured = await measureReplacement(models, clip, track, identity, how);
        cases.push({ name: `${name} on ${plate.name}`, recipe: 'replace', ...rounded(measured) });
      }
    }
    if (people < 2) return { cases };
    onStep(`knowing ${people} covered people again`);
    return { cases, reidentification: await benchReidentification(models, people, LOOKS_EACH, signal) };
  } finally {
    await models.release();
  }
}

function rounded(figures: ReplacementFigures): ReplacementFigures {
  const entries = Object.entries(figures).map(([name, value]: [string, number | null]) => [
    name,
    value === Infinity ? SAME_DB : value === null ? null : Math.round(value * 10_000) / 10_000,
  ]);
  return Object.fromEntries(entries) as ReplacementFigures;
}

const COLUMNS: readonly (readonly [string, keyof ReplacementFigures, number])[] = [
  ['before', 'idToIdentityBefore', 2],
  ['id', 'idToIdentity', 2],
  ['p10', 'idToIdentityP10', 2],
  ['plate', 'idToPlate', 2],
  ['nme', 'landmarkNme', 4],
  ['nme p90', 'landmarkNmeP90', 4],
  ['mouth', 'mouthCorrelation', 2],
  ['yaw', 'yawCorrelation', 2],
  ['bg dB', 'backgroundPsnrDb', 0],
  ['seam', 'seamDeltaE', 2],
  ['jitter', 'jitterRatio', 2],
  ['border', 'borderRatio', 2],
  ['lost', 'droppedFaces', 0],
];

export function describeQuality({ cases, reidentification }: QualityReport): string {
  const width = Math.max(...cases.map(({ name }) => name.length));
  const row = (name: string, cells: readonly string[]): string =>
    name.padEnd(width) + cells.map((cell) => cell.padStart(8)).join('');
  const head = row(
    '',
    COLUMNS.map(([title]) => title),
  );
  const rows = cases.map((figures) =>
    row(
      figures.name,
      COLUMNS.map(([, field, digits]) => figures[field]?.toFixed(digits) ?? '-'),
    ),
  );
  const covered = reidentification === undefined ? [] : ['', describeReidentification(reidentification)];
  return [head, ...rows, ...covered].join('\n');
}
