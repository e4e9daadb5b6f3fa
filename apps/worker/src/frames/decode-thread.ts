import { wrapFrame } from '@understudy/frame';
import { readSpec } from '@understudy/media';

import { LaneControl, Stopped } from '../lane/control.js';
import { type DecodeRange, LastDecoder } from './open-decoder.js';
import { FrameRing, type RingMemory } from './ring.js';
import { serveWork } from './thread.js';

export interface DecodeWork extends DecodeRange {
  readonly ring: RingMemory;
  readonly control: SharedArrayBuffer;
}

const last = new LastDecoder();

/** Decodes exactly `[startFrame, endFrame)` into the ring. A full ring holds the decoder back. */
export async function decode({ ring: memory, control: shared, ...range }: DecodeWork): Promise<void> {
  const { startFrame } = range;
  const ring = new FrameRing(memory);
  const control = new LaneControl(shared);
  const decoder = await last.take(range);
  const watch = control.watch();
  watch.signal.addEventListener('abort', () => {
    ring.break();
    void decoder.close();
  });
  try {
    const spec = readSpec(range);
    const target = async (frameNumber: number) => wrapFrame(spec, await ring.reserve(frameNumber - startFrame));
    await decoder.decode(range, target, (frameNumber) => ring.commit(frameNumber - startFrame));
    await last.keep(decoder);
  } catch (thrown) {
    await decoder.close();
    const reason = control.stopReason();
    throw reason === null ? thrown : new Stopped(reason);
  } finally {
    watch.close();
  }
}

serveWork(decode);
