/**
 * A bounded ring of frames in shared memory, between one thread that writes and any number that read, each frame by one.
 *
 * A full ring holds the writer back and an empty one its readers, so memory stays the same for a clip of any length.
 * Nobody blocks: waiting leaves the thread's event loop free for its pipes and its orders. Frames go by their position in the
 * range, and each slot is stamped with the position that it is free for or holds, so frames may be given back in any order
 * (D. Vyukov's bounded queue; 1024cores.net).
 */

/** What is handed to the other threads. */
export interface RingMemory {
  readonly shared: SharedArrayBuffer;
  readonly slots: number;
  readonly slotBytes: number;
}

/** Words of the header. Every change bumps CHANGES, which is what waiters wait on: none can miss a change. */
const CHANGES = 0;
const IS_BROKEN = 1;
const TAKEN = 2;
const STAMPS = 3;

const freeFor = (position: number): number => 2 * position;
const holding = (position: number): number => 2 * position + 1;

/** Slots start on a cache line; 10-bit samples need an even offset. */
const ALIGNMENT = 64;

/** Another side gave up; the reason is with whoever broke the ring. */
export class RingBroken extends Error {
  override readonly name = 'RingBroken';
}

export function createRingMemory(slots: number, slotBytes: number): RingMemory {
  if (!Number.isInteger(slots) || slots < 1) throw new RangeError('a ring needs at least one slot');
  const shared = new SharedArrayBuffer(dataOffset(slots) + slots * stride(slotBytes));
  new Int32Array(shared, STAMPS * Int32Array.BYTES_PER_ELEMENT, slots).forEach((_, slot, stamps) => {
    stamps[slot] = freeFor(slot);
  });
  return { shared, slots, slotBytes };
}

/** One thread's end of a ring. Each method belongs to the side that its comment names. */
export class FrameRing {
  readonly #header: Int32Array;

  constructor(private readonly memory: RingMemory) {
    this.#header = new Int32Array(memory.shared, 0, STAMPS + memory.slots);
  }

  /** Writer: waits for room for this frame. Asked again before {@link commit}, it is the same. @throws RingBroken */
  async reserve(position: number): Promise<Uint8Array> {
    await this.#untilStamped(position, freeFor(position));
    return this.#slot(position);
  }

  /** Writer: hands the frame to whoever reads it. */
  commit(position: number): void {
    this.#stamp(position, holding(position));
  }

  /** Readers: the position after all that were taken; who takes it reads it. */
  take(): number {
    return Atomics.add(this.#header, TAKEN, 1);
  }

  /** Readers: waits for this frame; its bytes are valid until {@link release}. @throws RingBroken */
  async frame(position: number): Promise<Uint8Array> {
    await this.#untilStamped(position, holding(position));
    return this.#slot(position);
  }

  /** Readers: gives the frame's room back. */
  release(position: number): void {
    this.#stamp(position, freeFor(position + this.memory.slots));
  }

  /** Any side: nothing more will pass; whoever waits is told at once. */
  break(): void {
    Atomics.store(this.#header, IS_BROKEN, 1);
    this.#changed();
  }

  async #untilStamped(position: number, stamp: number): Promise<void> {
    for (;;) {
      const changes = Atomics.load(this.#header, CHANGES);
      if (Atomics.load(this.#header, IS_BROKEN) === 1) throw new RingBroken('the ring was broken');
      if (Atomics.load(this.#header, this.#stampOf(position)) === stamp) return;
      const waiting = Atomics.waitAsync(this.#header, CHANGES, changes);
      if (waiting.async) await waiting.value;
    }
  }

  #stamp(position: number, stamp: number): void {
    Atomics.store(this.#header, this.#stampOf(position), stamp);
    this.#changed();
  }

  #changed(): void {
    Atomics.add(this.#header, CHANGES, 1);
    Atomics.notify(this.#header, CHANGES);
  }

  #stampOf(position: number): number {
    return STAMPS + (position % this.memory.slots);
  }

  #slot(position: number): Uint8Array {
    const { shared, slots, slotBytes } = this.memory;
    return new Uint8Array(shared, dataOffset(slots) + (position % slots) * stride(slotBytes), slotBytes);
  }
}

function dataOffset(slots: number): number {
  return stride((STAMPS + slots) * Int32Array.BYTES_PER_ELEMENT);
}

function stride(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** Memory of the frames of one ring. */
const RING_BYTES = 96 * 1024 * 1024;
const MOST_SLOTS = 8;

/** Slots for frames of this size: as many as fit, and at least one more than threads read, so that all sides can work at once. */
export function slotsFor(frameBytes: number, readers: number): number {
  return Math.max(readers + 1, Math.min(MOST_SLOTS, Math.floor(RING_BYTES / frameBytes)));
}
