import { setImmediate as yieldToEvents } from 'node:timers/promises';

import { type Frame, type FrameSpec, frameByteLength, wrapFrame } from '@understudy/frame';
import { type Encoding, type PlateInfo, type SegmentResult, frameSpec, readSpec } from '@understudy/media';

import { type LaneControl, Stopped } from '../lane/control.js';
import type { DecodeWork } from './decode-thread.js';
import type { EncodeWork } from './encode-thread.js';
import type { DecodeRange } from './open-decoder.js';
import { FrameRing, RingBroken, type RingMemory, createRingMemory, slotsFor } from './ring.js';
import { onIdleThread, threadProgram } from './thread.js';

export interface DecodedRange extends DecodeRange {
  readonly control: LaneControl;
  /** Threads that read what is decoded. */
  readonly readers: number;
}

/** Decodes ahead into a ring. The result settles when the whole range was read well: UNREADABLE_MEDIA otherwise. */
export function startDecoder({ control, readers, ...range }: DecodedRange): {
  frames: FramesToTake;
  result: Promise<void>;
} {
  const { startFrame, endFrame } = range;
  const spec = readSpec(range);
  const ring = ringOf(spec, readers);
  const work: DecodeWork = { ...range, ring, control: control.shared };
  const result = onIdleThread<DecodeWork, void>(threadProgram('frames/decode-thread'), work);
  return { frames: { ring, spec, startFrame, endFrame }, result };
}

export interface EncodedSegment {
  readonly path: string;
  readonly plate: PlateInfo;
  readonly encoding: Encoding;
  readonly frames: number;
  readonly control: LaneControl;
  /** Threads that hand frames over. */
  readonly writers: number;
}

/** Encodes behind from a ring. The result settles when the segment is there whole, or gone. */
export function startEncoder({ control, writers, ...segment }: EncodedSegment): {
  ring: RingMemory;
  result: Promise<SegmentResult>;
} {
  const ring = ringOf(frameSpec(segment.plate), writers);
  const work: EncodeWork = { ...segment, ring, control: control.shared };
  return { ring, result: onIdleThread<EncodeWork, SegmentResult>(threadProgram('frames/encode-thread'), work) };
}

function ringOf(spec: FrameSpec, threads: number): RingMemory {
  const bytes = frameByteLength(spec);
  return createRingMemory(slotsFor(bytes, threads), bytes);
}

/** A range of a clip that threads share out among themselves. */
export interface FramesToTake {
  readonly ring: RingMemory;
  readonly spec: FrameSpec;
  /** Half-open range of frames. */
  readonly startFrame: number;
  readonly endFrame: number;
}

export interface TakenFrame {
  /** Its memory is the consumer's until the next step. */
  readonly frame: Frame;
  readonly frameNumber: number;
  /** In the range. */
  readonly position: number;
}

/**
 * The frames of the range that no other thread takes, in their order. Between frames the thread's event loop gets its turn.
 *
 * @throws Stopped, RingBroken
 */
export async function* takenFrames(range: FramesToTake, control: LaneControl): AsyncGenerator<TakenFrame> {
  const { spec, startFrame, endFrame } = range;
  const ring = new FrameRing(range.ring);
  for (let position = ring.take(); position < endFrame - startFrame; position = ring.take()) {
    const frame = wrapFrame(spec, await ring.frame(position));
    yield { frame, frameNumber: startFrame + position, position };
    ring.release(position);
    control.frameDone();
    await yieldToEvents();
    const reason = control.stopReason();
    if (reason !== null) throw new Stopped(reason);
  }
}

/**
 * Waits for all parts of a pipeline. One that fails breaks the rings, which ends the others; nothing of any is left running.
 *
 * @throws Stopped if any part was, else what the first one failed with by itself
 */
export async function together<Results extends readonly unknown[]>(
  rings: readonly RingMemory[],
  parts: { readonly [Index in keyof Results]: Promise<Results[Index]> },
): Promise<Results> {
  const breakAll = () => {
    for (const ring of rings) new FrameRing(ring).break();
  };
  const settled = await Promise.allSettled(
    parts.map(async (part) => {
      try {
        return await part;
      } catch (thrown) {
        breakAll();
        throw thrown;
      }
    }),
  );
  const reasons = settled.flatMap((part) => (part.status === 'rejected' ? [part.reason as unknown] : []));
  if (reasons.length === 0) {
    return settled.map((part) => (part as PromiseFulfilledResult<unknown>).value) as unknown as Results;
  }
  // That a ring broke says less than why.
  throw (
    reasons.find((reason) => reason instanceof Stopped) ??
    reasons.find((reason) => !(reason instanceof RingBroken)) ??
    reasons[0]
  );
}
