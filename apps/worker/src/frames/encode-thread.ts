import { wrapFrame } from '@understudy/frame';
import type { Encoding, PlateInfo, SegmentResult } from '@understudy/media';
import { frameSpec, openSegmentWriter } from '@understudy/media';

import { LaneControl, Stopped } from '../lane/control.js';
import { FrameRing, type RingMemory } from './ring.js';
import { serveWork } from './thread.js';

export interface EncodeWork {
  readonly path: string;
  readonly plate: PlateInfo;
  readonly encoding: Encoding;
  readonly frames: number;
  readonly ring: RingMemory;
  readonly control: SharedArrayBuffer;
}

/**
 * Encodes the ring's frames into one segment: there whole afterwards, or not at all. Stopped, it writes no further frame and
 * leaves no file, whatever the threads that compute are doing.
 */
export async function encode({ path, plate, encoding, ...work }: EncodeWork): Promise<SegmentResult> {
  const ring = new FrameRing(work.ring);
  const control = new LaneControl(work.control);
  const watch = control.watch();
  watch.signal.addEventListener('abort', () => ring.break());
  const goOn = () => {
    const reason = control.stopReason();
    if (reason !== null) throw new Stopped(reason);
  };
  try {
    const spec = frameSpec(plate);
    const writer = await openSegmentWriter({ path, plate, encoding, signal: watch.signal });
    try {
      for (let position = 0; position < work.frames; position++) {
        const bytes = await ring.frame(position);
        goOn();
        await writer.write(wrapFrame(spec, bytes));
        ring.release(position);
      }
      goOn();
      return await writer.finish();
    } catch (thrown) {
      await writer.abandon();
      throw thrown;
    }
  } catch (thrown) {
    goOn();
    throw thrown;
  } finally {
    watch.close();
  }
}

serveWork(encode);
