import { wrapFrame } from '@understudy/frame';
import { type PlateInfo, readFrames, readSpec } from '@understudy/media';

import { LaneControl, Stopped } from '../lane/control.js';
import { FrameRing, type RingMemory } from './ring.js';
import { serveFrameThread } from './thread.js';

export interface DecodeData {
  readonly path: string;
  readonly plate: PlateInfo;
  readonly startFrame: number;
  readonly endFrame: number;
  readonly ring: RingMemory;
  readonly control: SharedArrayBuffer;
}

/** Decodes exactly `[startFrame, endFrame)` into the ring. A full ring holds the decoder back. */
export async function decode(data: DecodeData): Promise<void> {
  const { path, plate, startFrame, endFrame } = data;
  const ring = new FrameRing(data.ring);
  const control = new LaneControl(data.control);
  const watch = control.watch();
  watch.signal.addEventListener('abort', () => ring.break());
  try {
    const spec = readSpec({ path, plate, startFrame, endFrame });
    const target = async () => wrapFrame(spec, await ring.reserve());
    const frames = readFrames({ path, plate, startFrame, endFrame, target, signal: watch.signal });
    for await (const { frameNumber } of frames) ring.commit(frameNumber);
    ring.end();
  } catch (thrown) {
    ring.break();
    const reason = control.stopReason();
    throw reason === null ? thrown : new Stopped(reason);
  } finally {
    watch.close();
  }
}

serveFrameThread(decode);
