import { faceRegions } from '../blend/regions.js';
import { createPlane, reducePlane, type FloatPlane } from '../blend/plane.js';
import { toLogColour } from '../blend/log-colour.js';
import { blurPlane } from '../blend/gaussian.js';
import { DETAIL_CHANNELS, separateDetail } from './detail.js';
import { controlPoints, fitPose, type HeadPose } from './pose.js';
import { enlargeCubic } from './resample.js';
import { personalShape } from './shape.js';
import type { ReplaceSettings } from './settings.js';

/** An identity image: interleaved 8-bit sRGB and the 68 landmarks (x, y pairs, pixels) of the face meant. */
export interface IdentityImage {
  readonly rgb: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  readonly landmarks: ArrayLike<number>;
}

/** A face's texture without the light it was seen in. */
export interface DetailTexture {
  readonly width: number;
  readonly height: number;
  /** Interleaved: log luma above the smooth light, then red and blue over luma likewise, then form (see light.ts). */
  readonly detail: Float32Array;
}

export interface PreparedFace {
  readonly pose: HeadPose;
  readonly shape: Float64Array;
  /** Control points in the first texture's pixels. */
  readonly controls: Float64Array;
  /** Texture pixels per outer-eye-corner distance, in the first texture. */
  readonly scale: number;
  /** The image's own pixels per outer-eye-corner distance: what it really resolves. */
  readonly sourceScale: number;
  /** Full size first, then halved. */
  readonly textures: readonly DetailTexture[];
}

export interface PreparedIdentity {
  readonly faces: readonly PreparedFace[];
}

/**
 * Turns identity images into textures free of their light, once per shot.
 *
 * @throws RangeError when there is no image, or landmarks are not 136 finite numbers.
 */
export function prepareIdentity(images: readonly IdentityImage[], settings: ReplaceSettings): PreparedIdentity {
  if (images.length === 0) throw new RangeError('an identity needs at least one image');
  return { faces: images.map((image) => prepareFace(image, settings)) };
}

function prepareFace(image: IdentityImage, settings: ReplaceSettings): PreparedFace {
  if (image.landmarks.length !== LANDMARK_NUMBERS || !Array.from(image.landmarks).every(Number.isFinite)) {
    throw new RangeError('landmarks must be 136 finite numbers');
  }
  const sourcePose = fitPose(image.landmarks);
  const box = cropBox(image, sourcePose);
  const factor = sourcePose.scale < settings.upsampleBelow ? 2 : 1;
  const reduction = Math.max(1, Math.floor(sourcePose.scale / (LEAST_RESOLUTION * settings.workScale)));
  const channels = [0, 1, 2].map((c) => {
    const plane = reducePlane(cropChannel(image, box, c), reduction);
    return sharpen(enlargeCubic(plane, factor), factor, settings);
  });
  const landmarks = Float64Array.from({ length: LANDMARK_NUMBERS }, (_, i) => {
    const at = image.landmarks[i]! - (i % 2 === 0 ? box.x : box.y);
    return (at + 0.5) * (factor / reduction) - 0.5;
  });
  const pose = fitPose(landmarks);
  const controls = controlPoints(landmarks, pose);
  const up: [number, number] = [Math.sin(pose.roll), -Math.cos(pose.roll)];
  const { width, height } = channels[0]!;
  const regions = faceRegions(width, height, controls, pose.scale, up, {
    jawInset: 0.02,
    feather: 0.1,
    foreheadReach: 0.6,
  });
  const detail = separateDetail(toLogColour(channels), regions, pose.scale, settings);
  const textures: DetailTexture[] = [{ width, height, detail }];
  while (textures.at(-1)!.width > 64) textures.push(halve(textures.at(-1)!));
  return {
    pose,
    shape: personalShape(landmarks),
    controls,
    scale: pose.scale,
    sourceScale: sourcePose.scale,
    textures,
  };
}

const LANDMARK_NUMBERS = 136;

/** Texture pixels per pixel of the work size below which a texture is softer than what it is drawn into. */
export const LEAST_RESOLUTION = 0.8;

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Where the face's texture is not faded to nothing, with room for the light around it. */
function cropBox(image: IdentityImage, pose: HeadPose): Box {
  const controls = controlPoints(image.landmarks, pose);
  const xs = controls.filter((_, i) => i % 2 === 0);
  const ys = controls.filter((_, i) => i % 2 === 1);
  const margin = pose.scale * 0.15;
  const x = Math.max(0, Math.floor(Math.min(...xs) - margin));
  const y = Math.max(0, Math.floor(Math.min(...ys) - margin));
  return {
    x,
    y,
    width: Math.min(image.width, Math.ceil(Math.max(...xs) + margin)) - x,
    height: Math.min(image.height, Math.ceil(Math.max(...ys) + margin)) - y,
  };
}

function cropChannel(image: IdentityImage, box: Box, channel: number): FloatPlane {
  const plane = createPlane(box.width, box.height);
  const { rgb } = image;
  for (let y = 0; y < box.height; y++) {
    let from = ((y + box.y) * image.width + box.x) * 3 + channel;
    const row = y * box.width;
    for (let x = 0; x < box.width; x++, from += 3) plane.data[row + x] = rgb[from]! / 255;
  }
  return plane;
}

/** Gives back some of the acutance a small image loses when enlarged, without ringing beyond its neighbours' range. */
function sharpen(plane: FloatPlane, factor: number, settings: ReplaceSettings): FloatPlane {
  if (factor === 1 || settings.sharpen === 0) return plane;
  const soft = blurPlane(plane, 0.6 * factor);
  const [to, smooth] = [plane.data, soft.data];
  for (let i = 0; i < to.length; i++) {
    const boost = Math.max(-0.06, Math.min(0.06, to[i]! - smooth[i]!));
    to[i] = Math.max(0, Math.min(1, to[i]! + settings.sharpen * boost));
  }
  return plane;
}

function halve(texture: DetailTexture): DetailTexture {
  const width = Math.floor(texture.width / 2);
  const height = Math.floor(texture.height / 2);
  const n = DETAIL_CHANNELS;
  const detail = new Float32Array(width * height * n);
  const row = texture.width * n;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * 2 * row + x * 2 * n;
      for (let c = 0; c < n; c++) {
        const d = texture.detail;
        detail[(y * width + x) * n + c] = (d[at + c]! + d[at + n + c]! + d[at + row + c]! + d[at + row + n + c]!) / 4;
      }
    }
  }
  return { width, height, detail };
}
