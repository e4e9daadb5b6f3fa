import { extname } from 'node:path';
import { UnderstudyError } from '@understudy/contracts';
import { FORMAT_LAYOUTS, type FrameSpec } from '@understudy/frame';
import { CommandLine } from './command.js';
import { HandedFiles } from './handed-files.js';
import { frameSpec, type PlateInfo } from './plate-info.js';
import { toolOutput } from './run-tool.js';

export interface StillOptions {
  /** The still's segment: one frame, lossless. */
  readonly segment: string;
  readonly plate: PlateInfo;
  /** Decides the kind by its extension: `.png`, `.jpg`, `.jpeg`. */
  readonly output: string;
  readonly partialPath: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes a still's only frame as a picture: PNG holds RGB samples exactly (and 10-bit ones in 16 bits), JPEG at its best
 * quality.
 *
 * @throws INVALID_REQUEST for another extension
 */
export async function writeStill({ segment, plate, output, partialPath, signal }: StillOptions): Promise<void> {
  const spec = frameSpec(plate);
  const jpeg = /^\.jpe?g$/i.test(extname(output));
  if (!jpeg && extname(output).toLowerCase() !== '.png') {
    throw new UnderstudyError('INVALID_REQUEST', 'a still is delivered as .png or .jpg; name the output so');
  }
  const picture = jpeg ? jpegOptions(spec) : ['-filter:v', rgbConversion(spec), '-c:v', 'png'];
  const files = new HandedFiles();
  const args = new CommandLine()
    .input(files.read(segment), { demuxer: 'mov' })
    .output(files.write(partialPath), [
      ['-map', '0:v:0', '-frames:v', '1', ...picture],
      // Not the `image2` muxer: it takes `%` in a name for a number.
      ['-fflags', '+bitexact', '-map_metadata', '-1', '-f', 'image2pipe'],
    ])
    .args();
  await toolOutput({
    tool: 'ffmpeg',
    args: ['-y', ...args],
    files,
    details: { output },
    signal,
  });
}

function jpegOptions(spec: FrameSpec): string[] {
  const { chromaShiftX, chromaShiftY, bits, model } = FORMAT_LAYOUTS[spec.format];
  const subsampling = chromaShiftX === 0 ? '444' : chromaShiftY === 0 ? '422' : '420';
  // JFIF is BT.601, full range. Samples that are that already pass through untouched.
  const asIs = model === 'yuv' && bits === 8 && spec.range === 'pc' && spec.matrix === 'bt601';
  const filter = asIs ? 'null' : `${scaleFrom(spec)}:out_color_matrix=bt601:out_range=full`;
  return ['-filter:v', `${filter},format=yuvj${subsampling}p`, '-c:v', 'mjpeg', '-qmin', '1', '-q:v', '1'];
}

/** Upright RGB for a picture file, by the frame's own matrix and range. */
export function rgbConversion(spec: FrameSpec): string {
  const format = FORMAT_LAYOUTS[spec.format].bits === 8 ? 'rgb24' : 'rgb48be';
  return spec.format.startsWith('gbr') ? `format=${format}` : `${scaleFrom(spec)}:out_range=full,format=${format}`;
}

const SWSCALE_MATRICES = { bt709: 'bt709', bt601: 'bt601', bt2020nc: 'bt2020', gbr: 'auto' } as const;

function scaleFrom({ matrix, range, format }: FrameSpec): string {
  const flags = 'flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp';
  if (format.startsWith('gbr')) return `scale=${flags}`;
  return `scale=${flags}:in_color_matrix=${SWSCALE_MATRICES[matrix]}:in_range=${range === 'pc' ? 'full' : 'limited'}`;
}
