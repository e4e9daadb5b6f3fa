import { setImmediate as yieldToEvents } from 'node:timers/promises';

import { type Frame, frameByteLength, wrapFrame } from '@understudy/frame';
import { type PlateInfo, frameSpec } from '@understudy/media';

import { type LaneControl, Stopped } from '../lane/control.js';
import type { DecodeData } from './decode-thread.js';
import { FrameRing, RingBroken, createRingMemory, slotsFor } from './ring.js';
import { FrameThread } from './thread.js';

export interface FrameRange {
  readonly platePath: string;
  readonly plate: PlateInfo;
  readonly startFrame: number;
  readonly endFrame: number;
  readonly control: LaneControl;
}

/** Compiled beside this file; from the sources it is the last build's. */
export function threadProgram(name: string): URL {
  const here = import.meta.url.replace('/apps/worker/src/', '/apps/worker/dist/');
  return new URL(`${name}.js`, here);
}

/**
 * The frames of a range, decoded ahead by a thread of their own.
 *
 * A frame's memory is the consumer's until the next step. Between frames the thread's event loop gets its turn.
 *
 * @throws Stopped, UnderstudyError UNREADABLE_MEDIA
 */
export async function* decodedFrames(range: FrameRange): AsyncGenerator<{ frame: Frame; frameNumber: number }> {
  const { platePath, plate, startFrame, endFrame, control } = range;
  const spec = frameSpec(plate);
  const bytes = frameByteLength(spec);
  const memory = createRingMemory(slotsFor(bytes), bytes);
  const ring = new FrameRing(memory);
  const data: DecodeData = { path: platePath, plate, startFrame, endFrame, ring: memory, control: control.shared };
  const decoder = new FrameThread<DecodeData, void>(threadProgram('decode-thread'), data);
  // A thread that could not even start has broken nothing.
  decoder.result.catch(() => ring.break());
  try {
    for (let slot = await ring.next(); slot !== null; slot = await ring.next()) {
      yield { frame: wrapFrame(spec, slot.bytes), frameNumber: slot.frameNumber };
      ring.release();
      await yieldToEvents();
      const reason = control.stopReason();
      if (reason !== null) throw new Stopped(reason);
    }
    await decoder.result;
  } catch (thrown) {
    // The decoder's own reason says more than that the ring broke.
    if (thrown instanceof RingBroken) await decoder.result;
    throw thrown;
  } finally {
    ring.break();
    await decoder.result.catch(() => {});
  }
}
