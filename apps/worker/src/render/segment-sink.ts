import { frameByteLength } from '@understudy/frame';
import { type Encoding, type PlateInfo, type SegmentResult, frameSpec } from '@understudy/media';

import type { EncodeData } from '../frames/encode-thread.js';
import { threadProgram } from '../frames/frame-source.js';
import { FrameRing, RingBroken, createRingMemory, slotsFor } from '../frames/ring.js';
import { FrameThread } from '../frames/thread.js';
import type { LaneControl } from '../lane/control.js';

export interface SegmentSinkOptions {
  readonly path: string;
  readonly plate: PlateInfo;
  readonly encoding: Encoding;
  readonly control: LaneControl;
}

/** A segment encoded behind by a thread of its own: there whole after {@link finish}, or not at all. */
export class SegmentSink {
  readonly #ring: FrameRing;
  readonly #encoder: FrameThread<EncodeData, SegmentResult>;

  constructor({ path, plate, encoding, control }: SegmentSinkOptions) {
    const bytes = frameByteLength(frameSpec(plate));
    const memory = createRingMemory(slotsFor(bytes), bytes);
    this.#ring = new FrameRing(memory);
    const data: EncodeData = { path, plate, encoding, ring: memory, control: control.shared };
    this.#encoder = new FrameThread(threadProgram('encode-thread'), data);
    this.#encoder.result.catch(() => this.#ring.break());
  }

  /** Room for the next frame; a full ring makes it wait. @throws what the encoder failed with */
  async reserve(): Promise<Uint8Array> {
    try {
      return await this.#ring.reserve();
    } catch (thrown) {
      if (thrown instanceof RingBroken) await this.#encoder.result;
      throw thrown;
    }
  }

  commit(frameNumber: number): void {
    this.#ring.commit(frameNumber);
  }

  async finish(): Promise<SegmentResult> {
    this.#ring.end();
    return this.#encoder.result;
  }

  /** Stops the encoder; nothing is left. Resolves when it is gone. */
  async abandon(): Promise<void> {
    this.#ring.break();
    await this.#encoder.result.catch(() => {});
  }
}
