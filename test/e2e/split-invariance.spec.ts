import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { addedChange, borderRatio, type Rendered } from '@understudy/face';
import { type Frame, wrapFrame } from '@understudy/frame';
import { decodedHash } from '@understudy/media';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DrawnInputs, drawInputs } from './drawn-inputs.js';
import { descendants, isAlive } from './processes.js';
import { eachFramePair, lumaError } from './regions.js';
import { makeFolder, start } from './understudy.js';

const FRAMES = 28;

interface Report {
  readonly frames: number;
  readonly shards: number;
  readonly attempts: number;
}

describe('a lossless render', () => {
  let inputs: DrawnInputs;
  let dir: string;
  let remove: () => Promise<void>;
  /** Decoded-frame hash of the render in one shard. */
  let whole: string;

  beforeAll(async () => {
    ({ dir, remove } = await makeFolder());
    inputs = await drawInputs(dir, FRAMES);
  });
  afterAll(() => remove());

  const render = (out: string, shardFrames: number, lanes: number, more: readonly string[] = []) =>
    start([
      ...['render', '--target', inputs.plate, '--identity', inputs.identity, '--plate-face', inputs.first],
      ...['--consent', inputs.consent, '--out', join(dir, out), '--lossless', '--json'],
      ...['--shard-frames', String(shardFrames), '--lanes', String(lanes), ...more],
    ]);

  it('in one shard changes the face and nothing else', async () => {
    const result = await render('whole.mp4', FRAMES, 2).finished;
    expect(result.stderr).not.toMatch(/^error/m);
    expect(result.json<Report>()).toMatchObject({ frames: FRAMES, shards: 1 });
    whole = await decodedHash(join(dir, 'whole.mp4'));
    let changed = 0;
    const compared = await eachFramePair(inputs.plate, join(dir, 'whole.mp4'), (plate, output, frame) => {
      const [first, second] = inputs.truth.frames[frame] ?? [];
      if (!first?.box || !second?.box) throw new Error('the sample has two faces in every frame');
      // The second person, head and surroundings: not one sample differs.
      const around = {
        x: second.box.x - 40,
        y: second.box.y - 60,
        width: second.box.width + 80,
        height: second.box.height + 120,
      };
      expect(lumaError(plate, output, around).differing, `frame ${frame}`).toBe(0);
      for (const plane of [1, 2] as const) expect(rightHalf(output, plane)).toEqual(rightHalf(plate, plane));
      changed += lumaError(plate, output, first.box).differing;
    });
    expect(compared).toBe(FRAMES);
    expect(changed / FRAMES).toBeGreaterThan(1000);
  });

  it('in seven shards on two lanes decodes to the same frames', async () => {
    const result = await render('seven.mp4', 4, 2).finished;
    expect(result.stderr).not.toMatch(/^error/m);
    expect(result.json<Report>()).toMatchObject({ frames: FRAMES, shards: 7 });
    expect(await decodedHash(join(dir, 'seven.mp4'))).toBe(whole);
  });

  it('changes no more at the borders of the seven than inside them', async () => {
    const steps: Record<'inside' | 'atBorder', number[]> = { inside: [], atBorder: [] };
    let before: Rendered | undefined;
    await eachFramePair(inputs.plate, join(dir, 'seven.mp4'), (plate, output, frame) => {
      const now = { plate: copyOf(plate), output: copyOf(output) };
      const box = inputs.truth.frames[frame]?.[0]?.box;
      if (before !== undefined && box) {
        const whole = {
          x: Math.floor(box.x),
          y: Math.floor(box.y),
          width: Math.ceil(box.width),
          height: Math.ceil(box.height),
        };
        steps[frame % 4 === 0 ? 'atBorder' : 'inside'].push(addedChange(before, now, whole));
      }
      before = now;
    });
    expect(steps.atBorder).toHaveLength(6);
    expect(Math.min(...steps.inside)).toBeGreaterThan(0);
    expect(borderRatio(steps)).toBeLessThanOrEqual(1);
  });

  it('under a matte shows its left as the plate and its right as before, in three shards', async () => {
    // Through the middle of the face.
    const [first] = inputs.truth.frames[0] ?? [];
    const edge = 2 * Math.round(((first?.box?.x ?? 0) + (first?.box?.width ?? 0) / 2) / 2);
    const pictures = await drawMattePictures(join(dir, 'matte'), edge);
    const result = await render('matted.mp4', 10, 2, ['--matte', pictures]).finished;
    expect(result.stderr).not.toMatch(/^error/m);
    expect(result.json<Report>()).toMatchObject({ frames: FRAMES, shards: 3 });
    const bare = new Map<number, string>();
    await eachFramePair(join(dir, 'whole.mp4'), join(dir, 'matted.mp4'), (whole, matted, frame) => {
      expect(sideOf(matted, edge, 'right'), `frame ${frame}`).toBe(sideOf(whole, edge, 'right'));
      bare.set(frame, sideOf(whole, edge, 'left'));
    });
    await eachFramePair(inputs.plate, join(dir, 'matted.mp4'), (plate, matted, frame) => {
      expect(sideOf(matted, edge, 'left'), `frame ${frame}`).toBe(sideOf(plate, edge, 'left'));
      // Without the matte it was changed there.
      expect(bare.get(frame)).not.toBe(sideOf(plate, edge, 'left'));
      expect(sideOf(matted, edge, 'right')).not.toBe(sideOf(plate, edge, 'right'));
    });
    expect(bare.size).toBe(FRAMES);
  });

  it('is the same after a lane was killed with kill -9 in the middle', async () => {
    const running = render('killed.mp4', 4, 2);
    await running.said(/rendering/);
    const lane = await laneOf(running.child.pid ?? 0);
    process.kill(lane, 'SIGKILL');
    const result = await running.finished;
    expect(result.stderr).not.toMatch(/^error/m);
    expect(isAlive(lane)).toBe(false);
    expect(result.json<Report>()).toMatchObject({ frames: FRAMES, shards: 7 });
    expect(await decodedHash(join(dir, 'killed.mp4'))).toBe(whole);
    await rm(join(dir, 'killed.mp4'));
  });
});

function copyOf(frame: Frame): Frame {
  return wrapFrame(frame.spec, frame.bytes.slice());
}

/** A folder of grey PNG pictures, one a frame: black up to a column. */
async function drawMattePictures(folder: string, edge: number): Promise<string> {
  await mkdir(folder);
  // By its numbers: a filter's `white` is 235.
  const picture = `color=size=1280x720,format=gray,geq=lum='255*gte(X,${edge})'`;
  const output = ['-frames:v', String(FRAMES), '-pix_fmt', 'gray', join(folder, 'matte.%04d.png')];
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', picture, ...output]);
  return folder;
}

/** A hash of all planes' samples on one side of a column of the picture. */
function sideOf(frame: Frame, edge: number, side: 'left' | 'right'): string {
  const hash = createHash('sha256');
  for (const { width, height, samples } of frame.planes) {
    const column = (edge * width) / frame.spec.width;
    const [from, until] = side === 'left' ? [0, column] : [column, width];
    for (let y = 0; y < height; y++) hash.update(samples.subarray(y * width + from, y * width + until));
  }
  return hash.digest('hex');
}

/** Chroma samples of the half of the picture that the second person is in. */
function rightHalf(frame: Frame, plane: 1 | 2): Uint8Array[] {
  const { width, height, samples } = frame.planes[plane];
  return Array.from({ length: height }, (_, y) =>
    Uint8Array.from(samples.subarray(y * width + (width >> 1), (y + 1) * width)),
  );
}

/** A lane process that has a shard by now. */
async function laneOf(cli: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const lane = descendants(cli).find(({ command }) => /worker\/dist\/lane\/main/.test(command));
  if (lane === undefined) throw new Error('no lane process was found');
  return lane.pid;
}
