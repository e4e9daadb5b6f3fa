import type { Frame } from '@understudy/frame';
import { UnderstudyError } from '@understudy/contracts';
import { probePlate, readFrames } from '@understudy/media';

/**
 * The picture of a still image file.
 *
 * @param isKnownWhole it was read before, by whoever enrolled it
 * @throws UnderstudyError UNSUPPORTED_MEDIA for a clip, UNREADABLE_MEDIA, CANCELLED
 */
export async function readStill(path: string, signal: AbortSignal, isKnownWhole = false): Promise<Frame> {
  const plate = await probePlate(path, { signal, isKnownWhole });
  if (!plate.isStill)
    throw new UnderstudyError('UNSUPPORTED_MEDIA', 'An identity is a still image: give a PNG or JPEG.');
  for await (const { frame } of readFrames({ path, plate, startFrame: 0, endFrame: 1, signal })) return frame;
  throw new UnderstudyError('UNREADABLE_MEDIA', 'The image holds no picture.');
}
