import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { recipePreset } from '@understudy/contracts';
import { allocateFrame, type Frame } from '@understudy/frame';
import { frameHash, frameHashes, openClipWriter, probePlate, type Rational, readFrames } from '@understudy/media';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { LaneControl, Stopped, monotonicMs } from '../../apps/worker/src/lane/control.js';
import {
  type RenderedShard,
  type ShardOptions,
  renderFrames,
  renderShard,
} from '../../apps/worker/src/render-shard.js';
import { recipeProcessors } from '../../apps/worker/src/render/processors.js';
import type { FrameProcessor } from '../../apps/worker/src/render/steps.js';
import { type Clip, buildWorker, drawClip, wanderingFace } from '../../apps/worker/test/clip.js';

const FRAMES = 60;
let folder: string;
let clip: Clip;
let control: LaneControl;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-shards-'));
  await buildWorker();
  clip = await drawClip(folder, FRAMES);
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(() => {
  control = new LaneControl();
  control.begin(monotonicMs() + 600_000);
});

interface Overrides extends Partial<Omit<ShardOptions, 'renderers'>> {
  processors?: readonly FrameProcessor[];
  /** Who share the frames out among themselves; 1 unless told. */
  renderers?: number;
}

function anonymise(): Promise<FrameProcessor[]> {
  const lease = { recipe: recipePreset('anonymise'), cast: [], anonymiseTracks: [0] };
  return recipeProcessors({ lease, analysis: wanderingFace(clip), identities: new Map() });
}

async function render(
  startFrame: number,
  endFrame: number,
  { processors, renderers = 1, ...overrides }: Overrides = {},
): Promise<RenderedShard> {
  const steps = { processors: processors ?? (await anonymise()) };
  return renderShard({
    platePath: clip.path,
    plate: clip.plate,
    startFrame,
    endFrame,
    renderers: Array.from({ length: renderers }, () => (frames) => renderFrames(frames, async () => steps, control)),
    encoding: { mode: 'lossless', preset: 'ultrafast' },
    segmentPath: join(folder, `segment-${startFrame}-${endFrame}.mp4`),
    decoderThreads: 1,
    control,
    ...overrides,
  });
}

async function inShards(count: number, overrides: Overrides = {}): Promise<string[]> {
  const hashes: string[] = [];
  for (let shard = 0; shard < count; shard++) {
    const [from, until] = [Math.floor((FRAMES * shard) / count), Math.floor((FRAMES * (shard + 1)) / count)];
    const { segment } = await render(from, until, overrides);
    expect(segment.frames).toBe(until - from);
    expect(await frameHashes(join(folder, `segment-${from}-${until}.mp4`))).toEqual(segment.frameHashes);
    hashes.push(...segment.frameHashes);
  }
  return hashes;
}

/** Grey pictures, black on the left of a column and white from there on. */
async function drawMatte(
  path: string,
  matte: { width: number; height: number; rate: Rational; black: number; frames?: number },
): Promise<void> {
  const { width, height, rate, black, frames = FRAMES } = matte;
  const spec = { width, height, format: 'gbrp', matrix: 'gbr', range: 'pc' } as const;
  const writer = await openClipWriter({ path, spec, rate, encoding: { mode: 'lossless' } });
  const frame = allocateFrame(spec);
  for (const { samples } of frame.planes)
    for (let at = 0; at < samples.length; at++) samples[at] = at % width < black ? 0 : 255;
  for (let n = 0; n < frames; n++) await writer.write(frame);
  await writer.finish();
}

const framesIn = ({ path, plate }: Clip) => readFrames({ path, plate, startFrame: 0, endFrame: plate.frameCount });

async function framesOf(path: string): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const { frame } of framesIn({ path, plate: await probePlate(path) })) frames.push(frame);
  return frames;
}

describe('shards', () => {
  it('have the same frames in 1 and in 7 pieces, and decode to what was written', async () => {
    const whole = await inShards(1);
    expect(new Set(whole).size).toBe(FRAMES);
    expect(await inShards(7)).toEqual(whole);
    expect(await inShards(2, { renderers: 3 })).toEqual(whole);
  });

  it('without a step have the plate’s own samples, and with one only where it works', async () => {
    const plain = await render(10, 20, { processors: [] });
    const covered = await render(10, 20);
    const plate: string[] = [];
    const range = { path: clip.path, plate: clip.plate, startFrame: 10, endFrame: 20 };
    for await (const { frame } of readFrames(range)) plate.push(frameHash(frame.bytes));
    expect(plain.segment.frameHashes).toEqual(plate);
    expect(covered.segment.frameHashes.every((hash, n) => hash !== plate[n])).toBe(true);
  });

  it('under a matte keep the plate where it is black, in 1 and in 3 pieces', async () => {
    const [path, black] = [join(folder, 'matte.mp4'), clip.plate.video.width / 2 - 20];
    const { width, height, rate } = clip.plate.video;
    await drawMatte(path, { width, height, rate, black });
    const matte = { path, info: await probePlate(path) };
    const whole = await inShards(1, { matte });
    await render(0, FRAMES, { segmentPath: join(folder, 'bare.mp4') });
    expect(await inShards(3, { matte })).toEqual(whole);
    expect(await inShards(1, { matte, renderers: 2 })).toEqual(whole);
    let changed = 0;
    const [matted, bare] = [
      await framesOf(join(folder, `segment-0-${FRAMES}.mp4`)),
      await framesOf(join(folder, 'bare.mp4')),
    ];
    for await (const { frame: plate, frameNumber } of framesIn(clip)) {
      for (const [index, plane] of matted[frameNumber]!.planes.entries()) {
        const edge = index === 0 ? black : black / 2;
        plane.samples.forEach((sample, at) => {
          const from = (at % plane.width < edge ? plate : bare[frameNumber]!).planes[index]!.samples[at];
          if (sample !== from)
            throw new Error(`frame ${frameNumber}, plane ${index}, sample ${at}: ${sample}, not ${from}`);
          if (sample !== plate.planes[index]!.samples[at]) changed += 1;
        });
      }
    }
    expect(changed).toBeGreaterThan(1000 * FRAMES);
  });

  it('end where their matte ends too soon, and leave no file', async () => {
    const path = join(folder, 'short.mp4');
    const { width, height, rate } = clip.plate.video;
    await drawMatte(path, { width, height, rate, black: 8, frames: 20 });
    const info = { ...(await probePlate(path)), frameCount: FRAMES };
    const short = render(10, 30, { matte: { path, info }, segmentPath: join(folder, 'short-matte.mp4') });
    await expect(short).rejects.toMatchObject({ code: 'UNREADABLE_MEDIA' });
    expect((await readdir(folder)).filter((name) => /short-matte|part/.test(name))).toEqual([]);
  });

  it('stop at a failure of any step with its error and leave no file', async () => {
    const processors = [
      {
        name: 'broken',
        apply: (_: unknown, frameNumber: number) => {
          if (frameNumber === 30) throw new RangeError('frame 30');
        },
      },
    ];
    await expect(render(0, FRAMES, { processors, segmentPath: join(folder, 'broken.mp4') })).rejects.toThrow(
      'frame 30',
    );
    const absent = { ...clip.plate, frameCount: FRAMES + 20 };
    const beyond = render(40, FRAMES + 10, { plate: absent, segmentPath: join(folder, 'beyond.mp4') });
    await expect(beyond).rejects.toMatchObject({ code: 'UNREADABLE_MEDIA' });
    const nowhere = render(0, 5, { segmentPath: join(folder, 'absent', 'segment.mp4') });
    await expect(nowhere).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
    expect((await readdir(folder)).filter((name) => /broken|beyond|absent|part/.test(name))).toEqual([]);
  });

  it('stop by an order in the middle and leave no file', async () => {
    const processors = [
      {
        name: 'ordered',
        apply: (_: unknown, frameNumber: number) => {
          if (frameNumber === 25) control.stop('revoked');
        },
      },
    ];
    const stopped = render(0, FRAMES, { processors, segmentPath: join(folder, 'stopped.mp4') });
    await expect(stopped).rejects.toEqual(new Stopped('revoked'));
    expect(control.framesDone).toBeLessThan(30);
    expect((await readdir(folder)).filter((name) => /stopped|part/.test(name))).toEqual([]);
  });
});
