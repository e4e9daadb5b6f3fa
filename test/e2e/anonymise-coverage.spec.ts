import { join } from 'node:path';
import type { FaceObservation } from '@understudy/contracts';
import { coverAt, createFaceAnalyser, headRegion } from '@understudy/face';
import { extendTracks, linkTracks, type TrackedFace } from '@understudy/face/track';
import { ensureDefaultPack } from '@understudy/inference';
import { probePlate, readFrames } from '@understudy/media';
import { type Box, type ClipTruth, drawClip, HARD_SCENES, SAMPLE_PLATE, type SceneOptions } from '@understudy/sample';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../apps/cli/src/config.js';
import { withFolder } from './understudy.js';

/** The recipe's default margin, and the frames that lanes cover beyond a track's ends. */
const MARGIN = 0.25;
const FRAMES_BEYOND = 12;
const LEAST_COVERED = 0.99;

const SCENES: Record<string, SceneOptions> = { ...HARD_SCENES, sample: { ...SAMPLE_PLATE, frames: 72 } };

describe('anonymise covers at least 99 % of every true face box in every frame', () => {
  it.each(Object.keys(SCENES))('%s', async (name) => {
    const scene = SCENES[name];
    if (scene === undefined) throw new Error('no such scene');
    await withFolder(async (dir) => {
      const path = join(dir, 'plate.mp4');
      const truth = await drawClip({ ...scene, out: path, sound: false });
      const worst = worstCoverage(truth, await coveredFaces(path));
      console.log(
        `${name}: worst covered ${(worst.share * 100).toFixed(2)} % (frame ${worst.frame}, ${worst.performer})`,
      );
      expect(worst.share).toBeGreaterThanOrEqual(LEAST_COVERED);
    });
  });
});

/** Faces by frame, as lanes cover them: analysed, linked over the clip, gaps filled, ends prolonged. */
async function coveredFaces(path: string): Promise<TrackedFace[][]> {
  const plate = await probePlate(path);
  const analyser = await createFaceAnalyser(await ensureDefaultPack(readConfig().homeDir));
  const observations: FaceObservation[][] = [];
  const frameCount = plate.frameCount;
  let size = { width: 0, height: 0 };
  for await (const { frame, frameNumber } of readFrames({ path, plate, startFrame: 0, endFrame: frameCount })) {
    size = { width: frame.spec.width, height: frame.spec.height };
    observations.push(await analyser.analyseFrame(frame, frameNumber));
  }
  await analyser.release();
  const clip = { frameCount, ...size };
  const tracks = extendTracks(linkTracks(observations, clip), FRAMES_BEYOND, clip);
  return Array.from({ length: frameCount }, (_, frame) =>
    tracks.flatMap((track) => track.faces[frame - track.startFrame] ?? []),
  );
}

function worstCoverage(truth: ClipTruth, faces: readonly (readonly TrackedFace[])[]) {
  let worst = { share: 1, frame: -1, performer: '' };
  truth.frames.forEach((trueFaces, frame) => {
    for (const { box, performer } of trueFaces) {
      if (box === null) continue;
      const share = coveredShare(box, faces[frame] ?? []);
      if (share < worst.share) worst = { share, frame, performer };
    }
  });
  return worst;
}

/** Share of a box's pixels of which less than one hundredth is left. */
function coveredShare(box: Box, faces: readonly TrackedFace[]): number {
  const regions = faces.map((face) => headRegion(face, MARGIN));
  let [covered, all] = [0, 0];
  for (let y = Math.floor(box.y) + 0.5; y < box.y + box.height; y += 1) {
    for (let x = Math.floor(box.x) + 0.5; x < box.x + box.width; x += 1) {
      all += 1;
      if (regions.some((region) => coverAt(region, x, y) > 0.99)) covered += 1;
    }
  }
  return all === 0 ? 1 : covered / all;
}
