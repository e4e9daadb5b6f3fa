import type { Frame } from '@understudy/frame';
import { UnderstudyError } from '@understudy/contracts';
import { probePlate, readFrames } from '@understudy/media';

/**
 * The picture of a still image file.
 *
 * @throws UnderstudyError UNSUPPORTED_MEDIA for a clip, UNREADABLE_MEDIA, CANCELLED
 */
export async function readStill(path: string, signal: AbortSignal): Promise<Frame> {
  const plate = await probePlate(path, { signal });
  if (!plate.isStill)
    throw new UnderstudyError('UNSUPPORTED_MEDIA', 'An identity is a still image: give a PNG or JPEG.');
  for await (const { frame } of readFrames({ path, plate, startFrame: 0, endFrame: 1, signal })) return frame;
  throw new UnderstudyError('UNREADABLE_MEDIA', 'The image holds no picture.');
}
