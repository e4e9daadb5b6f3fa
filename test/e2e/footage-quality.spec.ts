import {
  comparePicture,
  DEFAULT_REPLACE_SETTINGS,
  faceAnalyser,
  jitterRatio,
  linkTracks,
  measureFace,
  openFaceModels,
  prepareIdentity,
  prepareReplaceTrack,
  qualityFigures,
  quantile,
  replaceFace,
  type FaceModels,
  type PreparedIdentity,
  type QualityFigures,
  type QualitySample,
} from '@understudy/face';
import { cropRgb, pasteRgb, wrapFrame, type Frame } from '@understudy/frame';
import { ensureDefaultPack } from '@understudy/inference';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { FOOTAGE_IS_THERE, framesOf, PLATES, PORTRAITS, type Clip } from './footage.js';

/**
 * Every frame is analysed; of every fifteen three neighbours are rendered and measured: seldom enough for minutes, often
 * enough to meet the blinks, and as a second difference wants them.
 */
const MEASURED_EVERY = 15;
const RUN = 3;

interface Portrait {
  readonly name: string;
  readonly frame: Frame;
  readonly identity: PreparedIdentity;
  readonly embedding: Float32Array;
  readonly landmarks: Float64Array;
}

interface Case extends QualityFigures {
  readonly name: string;
}

if (!FOOTAGE_IS_THERE) console.warn('footage quality: skipped, ../shared/footage is absent');

describe.skipIf(!FOOTAGE_IS_THERE)('replace on real clips', () => {
  let models: FaceModels;
  const portraits: Portrait[] = [];
  const replaced: Case[] = [];
  const pasted: Case[] = [];

  beforeAll(async () => {
    const dataDir = fileURLToPath(new URL('../../.understudy', import.meta.url));
    models = await openFaceModels(await ensureDefaultPack(dataDir));
    for (const clip of PORTRAITS) portraits.push(await preparePortrait(models, clip));
    for (const plate of PLATES) await measurePlate(models, plate, portraits, { replaced, pasted });
    console.log(
      `measured: ${RUN} frames of every ${MEASURED_EVERY}\nreplace\n${table(replaced)}\npasted portrait\n${table(pasted)}`,
    );
  }, 1_200_000);
  afterAll(() => models.release());

  test('the identity is recognised', () => {
    const rises = replaced.map((figures) => figures.idToIdentity - figures.idToIdentityBefore);
    expect(quantile(rises, 0.5)).toBeGreaterThanOrEqual(0.5);
    expect(Math.min(...rises)).toBeGreaterThanOrEqual(0.4);
    for (const figures of replaced) {
      expect(figures.idToIdentityP10, figures.name).toBeGreaterThanOrEqual(0.35);
      expect(figures.droppedFaces, figures.name).toBe(0);
    }
  });

  test('the performance is the one of the plate', () => {
    for (const figures of replaced) {
      expect(figures.landmarkNme, figures.name).toBeLessThan(0.04);
      expect(figures.landmarkNmeP90, figures.name).toBeLessThan(0.06);
      if (figures.mouthCorrelation !== null) expect(figures.mouthCorrelation, figures.name).toBeGreaterThanOrEqual(0.8);
      if (figures.yawCorrelation !== null) expect(figures.yawCorrelation, figures.name).toBeGreaterThanOrEqual(0.9);
    }
    expect(replaced.some((figures) => figures.mouthCorrelation !== null)).toBe(true);
    expect(replaced.some((figures) => figures.yawCorrelation !== null)).toBe(true);
  });

  test('nothing around the face changes, and no seam shows', () => {
    for (const figures of replaced) {
      expect(figures.backgroundPsnrDb, figures.name).toBe(Infinity);
      expect(figures.seamDeltaE, figures.name).toBeLessThanOrEqual(2);
    }
  });

  test('nothing trembles more than the plate', () => {
    for (const figures of replaced) {
      expect(figures.jitterRatio, figures.name).toBeGreaterThan(0);
      expect(figures.jitterRatio, figures.name).toBeLessThanOrEqual(1.2);
    }
  });

  test('a flat pasted portrait is recognised too, but fails the performance', () => {
    const follows = pasted.filter(
      (figures) =>
        figures.landmarkNme < 0.04 &&
        figures.landmarkNmeP90 < 0.06 &&
        (figures.mouthCorrelation ?? 1) >= 0.8 &&
        (figures.yawCorrelation ?? 1) >= 0.9,
    );
    expect(
      quantile(
        pasted.map((figures) => figures.idToIdentity),
        0.5,
      ),
    ).toBeGreaterThan(0.5);
    expect(follows).toEqual([]);
  });
});

async function preparePortrait(models: FaceModels, clip: Clip): Promise<Portrait> {
  for await (const frame of framesOf(clip)) {
    const face = await measureFace(models, frame);
    if (face === undefined) break;
    const { width, height } = clip.spec;
    const rgb = Uint8ClampedArray.from(cropRgb(frame, { x: 0, y: 0, width, height }, width, height, 'interleaved'));
    const { landmarks, embedding } = face;
    const identity = prepareIdentity([{ rgb, width, height, landmarks }], DEFAULT_REPLACE_SETTINGS);
    return { name: clip.name, frame, identity, embedding, landmarks };
  }
  throw new Error(`no face in ${clip.file}`);
}

async function measurePlate(
  models: FaceModels,
  plate: Clip,
  portraits: readonly Portrait[],
  cases: { readonly replaced: Case[]; readonly pasted: Case[] },
): Promise<void> {
  const analyser = faceAnalyser(models);
  const observations = [];
  for await (const frame of framesOf(plate)) observations.push(await analyser.analyseFrame(frame, observations.length));
  const { width, height } = plate.spec;
  const [track] = linkTracks(observations, { frameCount: observations.length, width, height });
  if (track === undefined) throw new Error(`no track in ${plate.file}`);
  const faces = new Map(track.faces.map((face) => [face.frame, face]));
  const landmarks = track.faces.map((face) => face.landmarks);
  const tracks = portraits.map(({ identity }) => prepareReplaceTrack(identity, landmarks, DEFAULT_REPLACE_SETTINGS));
  const samples = portraits.map((): { runs: QualitySample[][]; pasted: QualitySample[] } => ({ runs: [], pasted: [] }));
  let frameNumber = -1;
  for await (const frame of framesOf(plate)) {
    frameNumber++;
    const face = faces.get(frameNumber);
    const turn = frameNumber % MEASURED_EVERY;
    if (turn >= RUN || face === undefined) continue;
    if (turn === 0) for (const { runs } of samples) runs.push([]);
    const before = await measureFace(models, frame, face.box);
    if (before === undefined) continue;
    for (const [i, portrait] of portraits.entries()) {
      const output = copyOf(frame);
      const box = replaceFace(output, tracks[i]!, face.landmarks);
      const picture = comparePicture(frame, output, box);
      samples[i]!.runs.at(-1)!.push({ plate: before, output: await measureFace(models, output, before.box), picture });
      if (turn > 0) continue;
      const flat = copyOf(frame);
      pasteFlat(flat, portrait, face.landmarks);
      samples[i]!.pasted.push({ plate: before, output: await measureFace(models, flat, before.box) });
    }
  }
  portraits.forEach(({ name, embedding }, i) => {
    const pair = `${name} on ${plate.name}`;
    const { runs } = samples[i]!;
    cases.replaced.push({ name: pair, ...qualityFigures(runs.flat(), embedding), jitterRatio: jitterRatio(runs) });
    cases.pasted.push({ name: pair, ...qualityFigures(samples[i]!.pasted, embedding) });
  });
}

function copyOf(frame: Frame): Frame {
  return wrapFrame(frame.spec, frame.bytes.slice());
}

/** The portrait cut out in an ellipse and laid over the plate's face by the eyes: what a cosine alone can't tell apart. */
function pasteFlat(frame: Frame, portrait: Portrait, landmarks: ArrayLike<number>): void {
  const from = portrait.landmarks;
  const [fx, fy] = [from[90]! - from[72]!, from[91]! - from[73]!];
  const [tx, ty] = [landmarks[90]! - landmarks[72]!, landmarks[91]! - landmarks[73]!];
  const size = tx * tx + ty * ty;
  const a = (fx * tx + fy * ty) / size;
  const b = (fy * tx - fx * ty) / size;
  const c = from[72]! - a * landmarks[72]! + b * landmarks[73]!;
  const f = from[73]! - b * landmarks[72]! - a * landmarks[73]!;
  const { width, height } = portrait.frame.spec;
  const rgb = cropRgb(portrait.frame, { x: 0, y: 0, width, height }, width, height);
  const unit = Math.hypot(fx, fy);
  const y0 = (from[73]! + from[91]!) / 2 + unit * 0.35;
  const middle = (from[0]! + from[32]!) / 2;
  const mask = Float32Array.from({ length: width * height }, (_, i) => {
    const dx = ((i % width) - middle) / (unit * 0.85);
    const dy = (Math.floor(i / width) - y0) / (unit * 1.15);
    return dx * dx + dy * dy < 1 ? 1 : 0;
  });
  pasteRgb(frame, [a, -b, c, b, a, f], { width, height, rgb, mask });
}

function number(value: number | null, digits = 2): string {
  return (value === null ? '-' : value === Infinity ? 'inf' : value.toFixed(digits)).padStart(7);
}

function table(cases: readonly Case[]): string {
  const head = ['before', 'id', 'p10', 'rise', 'plate', 'nme%', 'p90%', 'mouth', 'yaw', 'jitter', 'seam', 'lost'];
  const rows = cases.map((figures) =>
    [
      figures.name.padEnd(8),
      number(figures.idToIdentityBefore),
      number(figures.idToIdentity),
      number(figures.idToIdentityP10),
      number(figures.idToIdentity - figures.idToIdentityBefore),
      number(figures.idToPlate),
      number(100 * figures.landmarkNme, 1),
      number(100 * figures.landmarkNmeP90, 1),
      number(figures.mouthCorrelation),
      number(figures.yawCorrelation),
      number(figures.jitterRatio),
      number(figures.seamDeltaE),
      number(figures.droppedFaces, 0),
    ].join(''),
  );
  return [`${'pair'.padEnd(8)}${head.map((name) => name.padStart(7)).join('')}`, ...rows].join('\n');
}
