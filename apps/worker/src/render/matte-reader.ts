import { UnderstudyError } from '@understudy/contracts';
import type { Frame } from '@understudy/frame';
import type { PlateInfo } from '@understudy/media';

import { decodedFrames } from '../frames/frame-source.js';
import type { LaneControl } from '../lane/control.js';

export interface MatteRange {
  readonly matte: { readonly path: string; readonly info: PlateInfo };
  readonly startFrame: number;
  readonly endFrame: number;
  readonly control: LaneControl;
}

/** The matte's frames beside the plate's: read by the same frame-exact reader, ahead in a thread and a ring of its own. */
export class MatteReader {
  readonly #frames: ReturnType<typeof decodedFrames>;

  constructor({ matte, startFrame, endFrame, control }: MatteRange) {
    this.#frames = decodedFrames({ platePath: matte.path, plate: matte.info, startFrame, endFrame, control });
  }

  /** The frame of this number, valid until the next one is asked for. @throws Stopped, UnderstudyError UNREADABLE_MEDIA */
  async next(frameNumber: number): Promise<Frame> {
    const { done, value } = await this.#frames.next();
    if (done !== true && value.frameNumber === frameNumber) return value.frame;
    throw new UnderstudyError('INTERNAL', 'The matte was read out of step with the plate.', {
      details: { frameNumber },
    });
  }

  /** After the last frame: whether the whole range was read well. */
  async finish(): Promise<void> {
    await this.#frames.next();
  }

  /** Stops the reader wherever it is. */
  async close(): Promise<void> {
    await this.#frames.return(undefined);
  }
}
