import { type Frame, allocateFrame } from '@understudy/frame';
import { type PlateInfo, type ReadFrame, readFrames, readSpec } from '@understudy/media';

export interface DecodeRange {
  readonly path: string;
  readonly plate: PlateInfo;
  /** Half-open range of frames. */
  readonly startFrame: number;
  readonly endFrame: number;
  /** Of the decoder; more than a lane's own would be another lane's. */
  readonly threads: number;
}

/** Between two shards: longer than it takes to report one and lease the next, and shorter than a revocation may take to be carried out. */
const LINGER_MS = 1000;

/**
 * A decoder that stays where a range ended, for the next range of the same plate to begin there: a decoder of its own would
 * have to decode everything anew from the key frame before it.
 */
export class OpenDecoder {
  readonly #end = new AbortController();
  readonly #frames: AsyncGenerator<ReadFrame, void, undefined>;
  readonly #plate: PlateInfo;
  readonly #path: string;
  #target: ((frameNumber: number) => Promise<Frame>) | undefined;
  #unwanted: Frame | undefined;
  /** The frame that comes next. */
  #next: number;

  constructor({ path, plate, startFrame, threads }: DecodeRange) {
    this.#path = path;
    this.#plate = plate;
    this.#next = startFrame;
    const range = { path, plate, startFrame, endFrame: plate.frameCount, threads };
    const target = (frameNumber: number) => this.#target?.(frameNumber) ?? this.#aside();
    this.#frames = readFrames({ ...range, target, signal: this.#end.signal });
  }

  /** Whether it comes to this range sooner than one that starts at the key frame before it. */
  comesTo({ path, plate, startFrame }: DecodeRange): boolean {
    const keyFrame = plate.keyFrames.findLast((frame) => frame <= startFrame) ?? 0;
    return path === this.#path && this.#next <= startFrame && this.#next >= keyFrame;
  }

  /**
   * Decodes this range, and what lies before it for nobody.
   *
   * @param target where a frame goes; may wait, which holds the decoder back
   * @param onFrame told of each that is there
   * @throws UnderstudyError UNREADABLE_MEDIA, CANCELLED
   */
  async decode(
    { startFrame, endFrame }: DecodeRange,
    target: (frameNumber: number) => Promise<Frame>,
    onFrame: (frameNumber: number) => void,
  ): Promise<void> {
    this.#target = async (frameNumber) => (frameNumber < startFrame ? this.#aside() : target(frameNumber));
    while (this.#next < endFrame) {
      const { value } = await this.#frames.next();
      if (value === undefined) break;
      this.#next = value.frameNumber + 1;
      if (value.frameNumber >= startFrame) onFrame(value.frameNumber);
    }
    this.#target = undefined;
    // The last step says whether the file ends where it should.
    if (endFrame === this.#plate.frameCount) await this.#frames.next();
  }

  get isAtEnd(): boolean {
    return this.#next >= this.#plate.frameCount;
  }

  /** @returns when its program is gone */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#frames.return();
  }

  #aside(): Frame {
    this.#unwanted ??= allocateFrame(readSpec({ path: this.#path, plate: this.#plate, startFrame: 0, endFrame: 1 }));
    return this.#unwanted;
  }
}

/** The decoder that a thread had last, for as long as the next range may follow. */
export class LastDecoder {
  #kept: { decoder: OpenDecoder; timer: NodeJS.Timeout } | undefined;

  /** One that comes to this range, open already or not; who takes it keeps or closes it. */
  async take(range: DecodeRange): Promise<OpenDecoder> {
    const kept = this.#kept;
    this.#kept = undefined;
    clearTimeout(kept?.timer);
    if (kept?.decoder.comesTo(range) === true) return kept.decoder;
    await kept?.decoder.close();
    return new OpenDecoder(range);
  }

  async keep(decoder: OpenDecoder): Promise<void> {
    if (decoder.isAtEnd) return decoder.close();
    const timer = setTimeout(() => {
      this.#kept = undefined;
      void decoder.close();
    }, LINGER_MS);
    this.#kept = { decoder, timer };
  }
}
