/**
 * A bounded ring of frames in shared memory, between one writing and one reading thread.
 *
 * A full ring holds the writer back and an empty one the reader, so memory stays the same for a clip of any length.
 * Nobody blocks: waiting leaves the thread's event loop free for its pipes and its orders.
 */

/** What is handed to the other thread. */
export interface RingMemory {
  readonly shared: SharedArrayBuffer;
  readonly slots: number;
  readonly slotBytes: number;
}

export interface RingSlot {
  readonly frameNumber: number;
  /** Valid until {@link FrameRing.release}. */
  readonly bytes: Uint8Array;
}

/** Words of the header. Every change bumps CHANGES, which is what waiters wait on: none can miss a change. */
const CHANGES = 0;
const WRITTEN = 1;
const RELEASED = 2;
const STATE = 3;
const FRAME_NUMBERS = 4;

const OPEN = 0;
const ENDED = 1;
const BROKEN = 2;

/** Slots start on a cache line; 10-bit samples need an even offset. */
const ALIGNMENT = 64;

/** The other side gave up; the reason is with whoever broke the ring. */
export class RingBroken extends Error {
  override readonly name = 'RingBroken';
}

export function createRingMemory(slots: number, slotBytes: number): RingMemory {
  if (!Number.isInteger(slots) || slots < 1) throw new RangeError('a ring needs at least one slot');
  return { shared: new SharedArrayBuffer(dataOffset(slots) + slots * stride(slotBytes)), slots, slotBytes };
}

/** One thread's end of a ring. Each method belongs to the one side that its comment names. */
export class FrameRing {
  readonly #header: Int32Array;
  readonly #memory: RingMemory;

  constructor(memory: RingMemory) {
    this.#memory = memory;
    this.#header = new Int32Array(memory.shared, 0, FRAME_NUMBERS + memory.slots);
  }

  /** Writer: waits for a free slot. Asked again before {@link commit}, it is the same slot. @throws RingBroken */
  async reserve(): Promise<Uint8Array> {
    const written = Atomics.load(this.#header, WRITTEN);
    await this.#until(() => written - Atomics.load(this.#header, RELEASED) < this.#memory.slots);
    return this.#slot(written);
  }

  /** Writer: hands the reserved slot to the reader. */
  commit(frameNumber: number): void {
    const written = Atomics.load(this.#header, WRITTEN);
    Atomics.store(this.#header, FRAME_NUMBERS + (written % this.#memory.slots), frameNumber);
    Atomics.store(this.#header, WRITTEN, written + 1);
    this.#changed();
  }

  /** Writer: no frame follows. */
  end(): void {
    Atomics.compareExchange(this.#header, STATE, OPEN, ENDED);
    this.#changed();
  }

  /** Reader: waits for the next frame; null after the last one. @throws RingBroken */
  async next(): Promise<RingSlot | null> {
    const released = Atomics.load(this.#header, RELEASED);
    const filled = () => Atomics.load(this.#header, WRITTEN) > released;
    await this.#until(() => filled() || Atomics.load(this.#header, STATE) === ENDED);
    if (!filled()) return null;
    const frameNumber = Atomics.load(this.#header, FRAME_NUMBERS + (released % this.#memory.slots));
    return { frameNumber, bytes: this.#slot(released) };
  }

  /** Reader: gives the slot of the last {@link next} back. */
  release(): void {
    Atomics.add(this.#header, RELEASED, 1);
    this.#changed();
  }

  /** Either side: nothing more will pass; whoever waits is told at once. */
  break(): void {
    Atomics.store(this.#header, STATE, BROKEN);
    this.#changed();
  }

  async #until(holds: () => boolean): Promise<void> {
    for (;;) {
      const changes = Atomics.load(this.#header, CHANGES);
      if (Atomics.load(this.#header, STATE) === BROKEN) throw new RingBroken('the ring was broken');
      if (holds()) return;
      const waiting = Atomics.waitAsync(this.#header, CHANGES, changes);
      if (waiting.async) await waiting.value;
    }
  }

  #changed(): void {
    Atomics.add(this.#header, CHANGES, 1);
    Atomics.notify(this.#header, CHANGES);
  }

  #slot(count: number): Uint8Array {
    const { shared, slots, slotBytes } = this.#memory;
    return new Uint8Array(shared, dataOffset(slots) + (count % slots) * stride(slotBytes), slotBytes);
  }
}

function dataOffset(slots: number): number {
  return stride((FRAME_NUMBERS + slots) * Int32Array.BYTES_PER_ELEMENT);
}

function stride(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** Memory of the frames of one ring. */
const RING_BYTES = 96 * 1024 * 1024;
const MOST_SLOTS = 8;

/** Slots for frames of this size: as many as fit, at least two, so that both sides can work at the same time. */
export function slotsFor(frameBytes: number): number {
  return Math.min(MOST_SLOTS, Math.max(2, Math.floor(RING_BYTES / frameBytes)));
}
