import { z } from 'zod';
import { UnderstudyError } from '@understudy/contracts';
import type { ColourMatrix, FrameColour, PixelFormat } from '@understudy/frame';

/** The tags as the file carries them, in ffmpeg's words; null where it carries none. The delivery repeats them. */
export const colourTagsSchema = z.object({
  range: z.enum(['tv', 'pc']).nullable(),
  matrix: z.string().nullable(),
  primaries: z.string().nullable(),
  transfer: z.string().nullable(),
  chromaLocation: z.string().nullable(),
});
export type ColourTags = z.infer<typeof colourTagsSchema>;

export interface FormatChoice {
  /** The format frames are delivered in. */
  readonly format: PixelFormat;
  /** ffmpeg's name of the raw frames that have those bytes: `yuvj420p` for full-range `yuv420p`. */
  readonly rawFormat: string;
  /** Whether samples are rearranged or widened on the way; never rounded. */
  readonly converted: boolean;
  /** What of the plate has no place in the format. */
  readonly losses: readonly string[];
}

type Row = readonly [from: string, to: PixelFormat, loss?: string];
const CONVERSIONS: readonly Row[] = [
  ...['rgb24', 'bgr24', 'rgb0', 'bgr0', '0rgb', '0bgr', 'gray', 'monob', 'monow'].map((from): Row => [from, 'gbrp']),
  ...['rgba', 'bgra', 'argb', 'abgr', 'gbrap', 'pal8', 'ya8'].map((from): Row => [from, 'gbrp', 'alpha']),
  ['gbrap10le', 'gbrp10le', 'alpha'],
  ['nv12', 'yuv420p'],
  ['nv21', 'yuv420p'],
  ['nv16', 'yuv422p'],
  ['yuyv422', 'yuv422p'],
  ['uyvy422', 'yuv422p'],
  ['yuva420p', 'yuv420p', 'alpha'],
  ['yuva422p', 'yuv422p', 'alpha'],
  ['yuva444p', 'yuv444p', 'alpha'],
  ['yuva420p10le', 'yuv420p10le', 'alpha'],
  ['yuva422p10le', 'yuv422p10le', 'alpha'],
  ['yuva444p10le', 'yuv444p10le', 'alpha'],
  ['p010le', 'yuv420p10le'],
  ['p210le', 'yuv422p10le'],
];
const PLANAR: readonly PixelFormat[] = ['yuv420p', 'yuv422p', 'yuv444p', 'yuv420p10le', 'yuv422p10le', 'yuv444p10le'];

export interface FormatDemands {
  readonly width: number;
  readonly height: number;
  /** Whether the frames are turned by a quarter, which swaps the subsampling's axes. */
  readonly turned: boolean;
}

/**
 * The listed format that holds a source format without rounding a sample.
 *
 * Full-range `yuvj*` keep their samples; packed and semi-planar ones are rearranged; grey and palettes become `gbrp`.
 * Chroma is widened to 4:4:4 where subsampling does not fit: odd sizes, and 4:2:2 turned by a quarter.
 *
 * @throws UNSUPPORTED_MEDIA for formats with more than 10 bits or of another kind.
 */
export function chooseFormat(source: string, demands: FormatDemands): FormatChoice {
  const fullRange = source.startsWith('yuvj');
  const plain = source.replace('yuvj', 'yuv');
  const planar = PLANAR.find((format) => format === plain);
  const raw = (format: PixelFormat) => (fullRange ? format.replace('yuv', 'yuvj') : format);
  if (planar) {
    const oddX = demands.width % 2 !== 0 && !planar.startsWith('yuv444');
    const oddY = demands.height % 2 !== 0 && planar.startsWith('yuv420');
    const widen = oddX || oddY || (demands.turned && planar.startsWith('yuv422'));
    const format = widen ? widened(planar) : planar;
    return { format, rawFormat: raw(format), converted: widen, losses: [] };
  }
  if (plain === 'yuv440p') return { format: 'yuv444p', rawFormat: raw('yuv444p'), converted: true, losses: [] };
  if (source === 'gbrp' || source === 'gbrp10le') {
    return { format: source, rawFormat: source, converted: false, losses: [] };
  }
  const row = CONVERSIONS.find(([from]) => from === source);
  if (!row) {
    throw new UnderstudyError('UNSUPPORTED_MEDIA', 'the pixel format cannot be kept without loss; convert the plate', {
      details: { reason: 'pixel-format', format: source },
    });
  }
  const [, target, loss] = row;
  const wide = target.startsWith('yuv') && (demands.width % 2 !== 0 || demands.height % 2 !== 0 || demands.turned);
  const format = wide ? widened(target) : target;
  return { format, rawFormat: format, converted: true, losses: loss ? [loss] : [] };
}

function widened(format: PixelFormat): PixelFormat {
  return format.endsWith('10le') ? 'yuv444p10le' : 'yuv444p';
}

const MATRICES: ReadonlyMap<string, ColourMatrix> = new Map([
  ['bt709', 'bt709'],
  ['bt470bg', 'bt601'],
  ['smpte170m', 'bt601'],
  ['bt2020nc', 'bt2020nc'],
]);
/** Untagged clips up to this height are taken for standard definition, as ffmpeg and players do. */
const STANDARD_DEFINITION_HEIGHT = 576;

export interface ColourReading {
  readonly colour: FrameColour;
  /** What the file does not say and was assumed for computing; never written to the delivery. */
  readonly guessed: ('matrix' | 'range')[];
}

/**
 * What the samples mean, from the tags; what is missing is guessed (and says so).
 *
 * @throws UNSUPPORTED_MEDIA for matrices outside BT.601, BT.709, BT.2020 non-constant and RGB.
 */
export function readColour(tags: ColourTags, format: PixelFormat, source: string, codedHeight: number): ColourReading {
  if (format.startsWith('gbr')) return { colour: { matrix: 'gbr', range: 'pc' }, guessed: [] };
  const guessed: ('matrix' | 'range')[] = [];
  let range = source.startsWith('yuvj') ? 'pc' : tags.range;
  if (range === null) {
    guessed.push('range');
    range = 'tv';
  }
  if (tags.matrix === null) {
    guessed.push('matrix');
    return { colour: { matrix: codedHeight <= STANDARD_DEFINITION_HEIGHT ? 'bt601' : 'bt709', range }, guessed };
  }
  const matrix = MATRICES.get(tags.matrix);
  if (matrix === undefined) {
    throw new UnderstudyError('UNSUPPORTED_MEDIA', 'the colour matrix is not known here; convert the plate to BT.709', {
      details: { reason: 'colour-matrix', matrix: tags.matrix },
    });
  }
  return { colour: { matrix, range }, guessed };
}
