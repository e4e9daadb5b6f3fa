import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratchFolder, writeSegments } from '../test/clips.js';
import { frameHash, frameHashes, hashOfFrameHashes } from './frame-hash.js';
import { joinSegments } from './join-segments.js';
import { probePlate } from './probe-plate.js';
import { readFrames } from './read-frames.js';
import { verifyDelivery } from './verify-delivery.js';

/** Real clips, kept outside the repository; this file says so and skips where they are absent. */
const FOOTAGE = resolve(import.meta.dirname, '../../../../shared/footage');
const present = existsSync(FOOTAGE);
if (!present) console.log(`no footage at ${FOOTAGE}: the tests on real clips are skipped`);

describe.skipIf(!present)('real clips', () => {
  let folder: Awaited<ReturnType<typeof scratchFolder>>;
  beforeAll(async () => {
    folder = await scratchFolder();
  });
  afterAll(() => folder.remove());

  it.each([['plate-c-1280x720.mp4', 180]])('%s: ranges hold the frames of a whole decode', async (name, frames) => {
    const path = resolve(FOOTAGE, name);
    const plate = await probePlate(path);
    expect(plate).toMatchObject({ frameCount: frames, isConstantRate: true, audio: [{ codec: 'aac' }] });
    const whole = await frameHashes(path);
    for (const startFrame of [91, frames - 9]) {
      const range = { path, plate, startFrame, endFrame: startFrame + 9 };
      const hashes: string[] = [];
      for await (const { frame } of readFrames(range)) hashes.push(frameHash(frame.bytes));
      expect(hashes).toEqual(whole.slice(startFrame, startFrame + 9));
    }
  });

  it('plate-b-480x908.mp4: cut into three and joined', async () => {
    const path = resolve(FOOTAGE, 'plate-b-480x908.mp4');
    const plate = await probePlate(path);
    const whole = await frameHashes(path);
    expect(whole.length).toBe(297);
    const { paths, hashes } = await writeSegments({ path, plate, folder: folder.path }, [0, 1, 150, 297]);
    expect(hashes).toEqual(whole);
    const output = resolve(folder.path, 'joined.mp4');
    await joinSegments({ segments: paths, plate, platePath: path, output });
    const report = await verifyDelivery(output, { plate, segments: paths });
    expect(report.decodedHash).toBe(hashOfFrameHashes(whole));
  });
});
