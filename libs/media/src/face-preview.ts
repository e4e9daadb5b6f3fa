import { UnderstudyError } from '@understudy/contracts';
import { encodePng } from './picture.js';
import type { PlateInfo } from './plate-info.js';
import { type Area, drawbox, facePreviewMarks } from './preview-marks.js';
import { readFrames } from './read-frames.js';

export interface FacePreviewRequest {
  readonly path: string;
  /** What `probePlate` said of that file. */
  readonly plate: PlateInfo;
  readonly frameNumber: number;
  /** All that is shown. */
  readonly crop: Area;
  /** Painted over, where they reach into the crop. */
  readonly cover: readonly Area[];
  /** Side of the square picture in samples. */
  readonly side: number;
  /** Whether it says that it is a preview. */
  readonly marked: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Whole samples inside the frame. */
function within({ x, y, width, height }: Area, frame: { width: number; height: number }): Area | null {
  const [left, top] = [Math.max(0, Math.floor(x)), Math.max(0, Math.floor(y))];
  const right = Math.min(frame.width, Math.ceil(x + width));
  const bottom = Math.min(frame.height, Math.ceil(y + height));
  return right <= left || bottom <= top ? null : { x: left, y: top, width: right - left, height: bottom - top };
}

/**
 * One face of a frame as a PNG file's bytes: cut out, other faces painted over.
 *
 * @throws UnderstudyError INVALID_REQUEST for a crop outside of the frame
 */
export async function extractFacePreview(request: FacePreviewRequest): Promise<Buffer> {
  const { path, plate, frameNumber, side, marked, signal } = request;
  const crop = within(request.crop, plate.video);
  if (crop === null) throw new UnderstudyError('INVALID_REQUEST', 'the crop lies outside of the frame');
  const covers = request.cover.map((area) => within(area, plate.video)).filter((area) => area !== null);
  const filters = [
    ...covers.map((area) => drawbox(area, 'gray')),
    `crop=${crop.width}:${crop.height}:${crop.x}:${crop.y}`,
    `scale=${side}:${side}:force_original_aspect_ratio=decrease:flags=lanczos`,
    `pad=${side}:${side}:-1:-1:color=black`,
    ...(marked ? facePreviewMarks(side) : []),
  ];
  const range = { path, plate, startFrame: frameNumber, endFrame: frameNumber + 1, signal };
  for await (const { frame } of readFrames(range)) return await encodePng(frame, { filters, signal });
  throw new UnderstudyError('INTERNAL', 'a read ended without its frame');
}
