import { type AnalysisTable, type FaceObservation, Recipe, type RenderLease } from '@understudy/contracts';
import {
  type FaceModels,
  faceAnalyser,
  facesOfImage,
  framesBehind,
  linkTracks,
  openFaceModels,
} from '@understudy/face';
import { cropRgb, type Frame, wrapFrame } from '@understudy/frame';
import { ensureDefaultPack } from '@understudy/inference';
import { drawPortrait, FIRST, plateFrame, Scene, type SceneOptions, SECOND, THIRD } from '@understudy/sample';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../apps/cli/src/config.js';
import { recipeProcessors } from '../../apps/worker/src/render/processors.js';
import { lumaError } from './regions.js';

const FRAMES = 40;
/** The first person stands; the second walks past in front, to the left. Who is drawn last is in front. */
const SCENE: SceneOptions = {
  ...{ width: 960, height: 540, framesPerSecond: 24, frames: FRAMES },
  cast: [
    { person: FIRST, x: 420, y: 230, unitPx: 44, performanceSeed: 5 },
    { person: SECOND, x: 740, y: 236, unitPx: 48, performanceSeed: 6, walkPx: -16 },
  ],
};

describe('a cast member whom somebody outside the cast walks past', () => {
  let models: FaceModels;
  let scene: Scene;
  let analysis: AnalysisTable;
  /** Frames before and after. */
  const plates: Frame[] = [];
  const outputs: Frame[] = [];

  beforeAll(async () => {
    models = await openFaceModels(await ensureDefaultPack(readConfig().homeDir));
    scene = await Scene.open(SCENE);
    for await (const { picture } of scene.frames()) plates.push(plateFrame(picture));
    analysis = await analyse(models, plates);
    const [step] = await recipeProcessors({
      lease: {
        recipe: Recipe.parse({ processors: [{ type: 'replace' }] }),
        cast: [memberOf(analysis)],
        anonymiseTracks: [],
      },
      analysis,
      identities: new Map([[0, await identityOf(models)]]),
    });
    for (const [frameNumber, plate] of plates.entries()) {
      const output = wrapFrame(plate.spec, plate.bytes.slice());
      await step!.apply(output, frameNumber);
      outputs.push(output);
    }
  });
  afterAll(() => models.release());

  it('is not painted where the other one hides them, and is before and after', () => {
    const [track] = analysis.tracks.filter(({ track: number }) => memberOf(analysis).tracks.includes(number));
    const filled = track!.faces.filter((face) => face.filled).map(({ frame }) => frame);
    expect(filled.length).toBeGreaterThan(2);
    const behind = framesBehind(track!, analysis.tracks);
    expect(behind).toEqual(expect.arrayContaining(filled));
    for (const frame of behind) expect(Buffer.compare(outputs[frame]!.bytes, plates[frame]!.bytes), `${frame}`).toBe(0);
    for (const frame of [0, behind[0]! - 4, behind.at(-1)! + 4, FRAMES - 1]) {
      expect(changed(frame, 'first'), `frame ${frame}`).toBeGreaterThan(3000);
    }
  });

  it('leaves every sample of the other one’s face as filmed in all frames', () => {
    const touched = plates.map((_, frame) => changed(frame, 'second'));
    expect(touched).toEqual(plates.map(() => 0));
  });

  it('fades out and in again over some frames', () => {
    const [track] = analysis.tracks.filter(({ track: number }) => memberOf(analysis).tracks.includes(number));
    const first = framesBehind(track!, analysis.tracks)[0]!;
    const changes = [5, 3, 2, 1, 0].map((before) => meanChange(first - before));
    expect(changes).toEqual(changes.toSorted((a, b) => b - a));
    for (const [at, change] of changes.slice(1).entries())
      expect(changes[at]! - change).toBeLessThan(0.5 * changes[0]!);
  });

  /** Differing luma samples on a person's true face: in the ellipse of its box. */
  function changed(frame: number, who: 'first' | 'second'): number {
    const [first, second] = scene.truthAt(frame);
    const box = (who === 'first' ? first : second)?.box;
    if (!box) return 0;
    const { width, samples } = plates[frame]!.planes[0];
    const after = outputs[frame]!.planes[0].samples;
    let count = 0;
    for (let at = 0; at < samples.length; at++) {
      if (samples[at] === after[at]) continue;
      const [u, v] = [((at % width) - box.x) / box.width, (Math.floor(at / width) - box.y) / box.height];
      if ((u - 0.5) ** 2 + (v - 0.5) ** 2 < 0.25) count++;
    }
    return count;
  }

  function meanChange(frame: number): number {
    const { squares, samples } = lumaError(plates[frame]!, outputs[frame]!, scene.truthAt(frame)[0]!.box!);
    return Math.sqrt(squares / samples);
  }
});

async function analyse(models: FaceModels, frames: readonly Frame[]): Promise<AnalysisTable> {
  const analyser = faceAnalyser(models);
  const observations: FaceObservation[][] = [];
  for (const [frameNumber, frame] of frames.entries())
    observations.push(await analyser.analyseFrame(frame, frameNumber));
  const size = { frameCount: FRAMES, width: SCENE.width, height: SCENE.height };
  const tracks = linkTracks(observations, size).map(({ track, startFrame, endFrame, faces, uncertainFrames }) => {
    return { track, startFrame, endFrame, faces: [...faces], uncertainFrames: [...uncertainFrames] };
  });
  return { format: 'understudy-analysis/1', ...size, tracks } as AnalysisTable;
}

/** Whoever is on the left at first. */
function memberOf({ tracks }: AnalysisTable): RenderLease['cast'][number] {
  const own = tracks.filter(({ startFrame, faces }) => startFrame === 0 && faces[0]!.box.x < 500);
  return { cast: 0, tracks: own.map(({ track }) => track), identityImages: [] };
}

async function identityOf(models: FaceModels) {
  const { picture } = await drawPortrait(THIRD);
  const frame = plateFrame(picture);
  const { width, height } = frame.spec;
  const rgb = Uint8ClampedArray.from(cropRgb(frame, { x: 0, y: 0, width, height }, width, height, 'interleaved'));
  const [face] = await facesOfImage(models, frame);
  return {
    images: [{ rgb, width, height, landmarks: face!.landmarks }],
    portraits: [],
    embedding: new Float32Array(512),
  };
}
