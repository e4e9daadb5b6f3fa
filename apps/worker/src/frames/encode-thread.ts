import { wrapFrame } from '@understudy/frame';
import type { Encoding, PlateInfo, SegmentResult } from '@understudy/media';
import { frameSpec, openSegmentWriter } from '@understudy/media';

import { LaneControl, Stopped } from '../lane/control.js';
import { FrameRing, type RingMemory } from './ring.js';
import { serveFrameThread } from './thread.js';

export interface EncodeData {
  readonly path: string;
  readonly plate: PlateInfo;
  readonly encoding: Encoding;
  readonly ring: RingMemory;
  readonly control: SharedArrayBuffer;
}

/**
 * Encodes the ring's frames into one segment. Stopped, it writes no further frame and leaves no file, whatever the thread
 * that infers is doing.
 */
export async function encode(data: EncodeData): Promise<SegmentResult> {
  const { path, plate, encoding } = data;
  const ring = new FrameRing(data.ring);
  const control = new LaneControl(data.control);
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
      for (let slot = await ring.next(); slot !== null; slot = await ring.next()) {
        goOn();
        await writer.write(wrapFrame(spec, slot.bytes));
        ring.release();
      }
      goOn();
      return await writer.finish();
    } catch (thrown) {
      await writer.abandon();
      throw thrown;
    }
  } catch (thrown) {
    ring.break();
    goOn();
    throw thrown;
  } finally {
    watch.close();
  }
}

serveFrameThread(encode);
