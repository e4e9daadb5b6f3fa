import type { ColourMatrix, Frame, FrameSpec } from './frame.js';
import { FORMAT_LAYOUTS } from './frame.js';

/** Luma weights of red and blue (ITU-T H.273, table 4). */
const LUMA_WEIGHTS: Readonly<Record<Exclude<ColourMatrix, 'gbr'>, { red: number; blue: number }>> = {
  bt709: { red: 0.2126, blue: 0.0722 },
  bt601: { red: 0.299, blue: 0.114 },
  bt2020nc: { red: 0.2627, blue: 0.0593 },
};

/** How samples of one clip become R'G'B' of 0 to 255 and back. */
export interface ColourTransform {
  /** 255-scaled luma (or G, B, R) = (sample - lumaOffset) * lumaScale. */
  readonly lumaOffset: number;
  readonly lumaScale: number;
  /** 255-scaled colour difference = (sample - chromaOffset) * chromaScale. */
  readonly chromaOffset: number;
  readonly chromaScale: number;
  /** R = Y + redFromCr Cr, B = Y + blueFromCb Cb, G = Y - greenFromCb Cb - greenFromCr Cr; all zero for `gbr`. */
  readonly redFromCr: number;
  readonly blueFromCb: number;
  readonly greenFromCb: number;
  readonly greenFromCr: number;
  /** Largest sample value: 255 or 1023. */
  readonly maximum: number;
}

export function colourTransform(spec: FrameSpec): ColourTransform {
  const { bits, model } = FORMAT_LAYOUTS[spec.format];
  const step = 2 ** (bits - 8);
  const maximum = 2 ** bits - 1;
  const full = spec.range === 'pc';
  const levels = {
    lumaOffset: full ? 0 : 16 * step,
    lumaScale: full ? 255 / maximum : 255 / (219 * step),
    chromaOffset: 128 * step,
    chromaScale: full ? 255 / maximum : 255 / (224 * step),
    maximum,
  };
  if (model === 'gbr' || spec.matrix === 'gbr') {
    return { ...levels, redFromCr: 0, blueFromCb: 0, greenFromCb: 0, greenFromCr: 0 };
  }
  const { red, blue } = LUMA_WEIGHTS[spec.matrix];
  const green = 1 - red - blue;
  return {
    ...levels,
    redFromCr: 2 * (1 - red),
    blueFromCb: 2 * (1 - blue),
    greenFromCb: (2 * blue * (1 - blue)) / green,
    greenFromCr: (2 * red * (1 - red)) / green,
  };
}

/**
 * Where a point of the plate lies in a plane: x' = x * scaleX + shiftX, y' = y * scaleY + shiftY, in continuous
 * coordinates of both. Chroma that is subsampled horizontally is sited left, on the even luma samples, as MPEG-2 and its
 * successors default to.
 */
export interface PlaneGeometry {
  readonly scaleX: number;
  readonly scaleY: number;
  readonly shiftX: number;
  readonly shiftY: number;
}

export function planeGeometry(frame: Frame, plane: 0 | 1 | 2): PlaneGeometry {
  const { chromaShiftX, chromaShiftY } = FORMAT_LAYOUTS[frame.spec.format];
  if (plane === 0) return { scaleX: 1, scaleY: 1, shiftX: 0, shiftY: 0 };
  return {
    scaleX: 1 / (1 << chromaShiftX),
    scaleY: 1 / (1 << chromaShiftY),
    shiftX: chromaShiftX === 1 ? 0.25 : 0,
    shiftY: 0,
  };
}
