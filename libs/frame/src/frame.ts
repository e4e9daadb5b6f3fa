/**
 * A decoded frame in the plate's own planar pixel format.
 *
 * Frames are never converted as a whole: faces are cut out as RGB crops and written back under a mask, so
 * every sample outside a mask stays the plate's sample, bit for bit.
 */

export const PIXEL_FORMATS = [
  'yuv420p',
  'yuv422p',
  'yuv444p',
  'yuv420p10le',
  'yuv422p10le',
  'yuv444p10le',
  'gbrp',
  'gbrp10le',
] as const;
export type PixelFormat = (typeof PIXEL_FORMATS)[number];

export interface FormatLayout {
  /** Significant bits of a sample: 8 or 10. A 10-bit sample takes two bytes, little-endian, value in the low bits. */
  readonly bits: 8 | 10;
  readonly bytesPerSample: 1 | 2;
  /** log2 of the horizontal and vertical subsampling of planes 1 and 2. */
  readonly chromaShiftX: 0 | 1;
  readonly chromaShiftY: 0 | 1;
  /** `gbrp` planes are stored in the order G, B, R. */
  readonly model: 'yuv' | 'gbr';
}

function layout(bits: 8 | 10, x: 0 | 1, y: 0 | 1, model: 'yuv' | 'gbr' = 'yuv'): FormatLayout {
  return { bits, bytesPerSample: bits === 8 ? 1 : 2, chromaShiftX: x, chromaShiftY: y, model };
}

export const FORMAT_LAYOUTS: Readonly<Record<PixelFormat, FormatLayout>> = {
  yuv420p: layout(8, 1, 1),
  yuv422p: layout(8, 1, 0),
  yuv444p: layout(8, 0, 0),
  yuv420p10le: layout(10, 1, 1),
  yuv422p10le: layout(10, 1, 0),
  yuv444p10le: layout(10, 0, 0),
  gbrp: layout(8, 0, 0, 'gbr'),
  gbrp10le: layout(10, 0, 0, 'gbr'),
};

export type ColourMatrix = 'bt709' | 'bt601' | 'bt2020nc' | 'gbr';

/** What the samples mean. `range` 'tv' is limited (16-235 at 8 bits), 'pc' is full. */
export interface FrameColour {
  readonly matrix: ColourMatrix;
  readonly range: 'tv' | 'pc';
}

/** Everything needed to interpret the bytes of a frame; constant over a clip. */
export interface FrameSpec extends FrameColour {
  readonly width: number;
  readonly height: number;
  readonly format: PixelFormat;
}

export interface Plane {
  readonly width: number;
  readonly height: number;
  /** Row-major samples without padding, `width * height` of them. */
  readonly samples: Uint8Array | Uint16Array;
}

export interface Frame {
  readonly spec: FrameSpec;
  /** The planes one after another, without padding: exactly what ffmpeg's rawvideo reads and writes. */
  readonly bytes: Uint8Array;
  readonly planes: readonly [Plane, Plane, Plane];
}

/** Bytes of one frame of this spec. */
export function frameByteLength(spec: FrameSpec): number {
  const format = FORMAT_LAYOUTS[spec.format];
  const luma = spec.width * spec.height;
  const chroma =
    ((spec.width + format.chromaShiftX) >> format.chromaShiftX) *
    ((spec.height + format.chromaShiftY) >> format.chromaShiftY);
  return (luma + 2 * chroma) * format.bytesPerSample;
}

/**
 * Views raw bytes as a frame, without copying.
 *
 * @param bytes exactly {@link frameByteLength} bytes; for 10-bit formats the offset must be even.
 * @throws RangeError when the length does not fit the spec.
 */
export function wrapFrame(spec: FrameSpec, bytes: Uint8Array): Frame {
  const expected = frameByteLength(spec);
  if (bytes.byteLength !== expected) {
    throw new RangeError(
      `a ${spec.width}x${spec.height} ${spec.format} frame has ${expected} bytes, got ${bytes.byteLength}`,
    );
  }
  const format = FORMAT_LAYOUTS[spec.format];
  const chromaWidth = (spec.width + format.chromaShiftX) >> format.chromaShiftX;
  const chromaHeight = (spec.height + format.chromaShiftY) >> format.chromaShiftY;
  let offset = bytes.byteOffset;
  const plane = (width: number, height: number): Plane => {
    const count = width * height;
    const samples =
      format.bytesPerSample === 1
        ? new Uint8Array(bytes.buffer, offset, count)
        : new Uint16Array(bytes.buffer, offset, count);
    offset += count * format.bytesPerSample;
    return { width, height, samples };
  };
  return {
    spec,
    bytes,
    planes: [plane(spec.width, spec.height), plane(chromaWidth, chromaHeight), plane(chromaWidth, chromaHeight)],
  };
}

/** A frame over fresh zeroed memory. */
export function allocateFrame(spec: FrameSpec): Frame {
  return wrapFrame(spec, new Uint8Array(frameByteLength(spec)));
}
