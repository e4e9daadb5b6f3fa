import { UnderstudyError } from '@understudy/contracts';
import { encodePng } from './picture.js';
import type { PlateInfo } from './plate-info.js';
import { readFrames } from './read-frames.js';

/** In samples of the upright frame. */
export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

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

/** Five columns, seven rows a letter, one bit a cell. */
const LETTERS: Readonly<Record<string, readonly number[]>> = {
  P: [0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000],
  R: [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001],
  E: [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111],
  V: [0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01010, 0b00100],
  I: [0b01110, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
  W: [0b10001, 0b10001, 0b10001, 0b10101, 0b10101, 0b11011, 0b10001],
};
const MARK = 'PREVIEW';
/** Cells of the mark with its margins, across. */
const MARK_CELLS = MARK.length * 6 + 1;

/** The runs of set cells of a row of the mark, as boxes in cells. */
function* markRuns(): Generator<Area> {
  for (const [index, letter] of [...MARK].entries()) {
    for (const [row, bits] of (LETTERS[letter] ?? []).entries()) {
      for (let column = 0; column < 5; column += 1) {
        let width = 0;
        while (column + width < 5 && (bits & (0b10000 >> (column + width))) !== 0) width += 1;
        if (width > 0) yield { x: index * 6 + 1 + column, y: row, width, height: 1 };
        column += width;
      }
    }
  }
}

function drawbox({ x, y, width, height }: Area, colour: string): string {
  return `drawbox=x=${x}:y=${y}:w=${width}:h=${height}:color=${colour}:t=fill`;
}

/** A frame around the picture and the word over its foot: nobody takes it for a frame of the work itself. */
function marks(side: number): string[] {
  const cell = Math.max(1, Math.floor(side / MARK_CELLS));
  const edge = cell * 2;
  const [left, top] = [Math.floor((side - cell * MARK_CELLS) / 2), side - cell * 10];
  const letters = [...markRuns()].map(({ x, y, width, height }) =>
    drawbox({ x: left + x * cell, y: top + y * cell, width: width * cell, height: height * cell }, 'white'),
  );
  const foot = { x: 0, y: top - cell, width: side, height: side - top + cell };
  return [drawbox(foot, 'black@0.6'), ...letters, `drawbox=x=0:y=0:w=${side}:h=${side}:color=orange:t=${edge}`];
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
    ...(marked ? marks(side) : []),
  ];
  const range = { path, plate, startFrame: frameNumber, endFrame: frameNumber + 1, signal };
  for await (const { frame } of readFrames(range)) return await encodePng(frame, { filters, signal });
  throw new UnderstudyError('INTERNAL', 'a read ended without its frame');
}
