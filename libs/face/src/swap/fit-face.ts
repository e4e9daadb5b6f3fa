import { cropRgb, type Frame } from '@understudy/frame';

import { joinAtEdge } from '../blend/join-edge.js';
import { type ColourMatch, matchColour, reduced, smallFactor } from '../blend/match-colour.js';
import { faceRegions } from '../blend/regions.js';
import type { Landmarks } from '../landmarks/points.js';
import { transformLandmarks } from '../landmarks/points.js';
import type { FaceMask } from '../mask/face-mask.js';
import { combineMasks } from '../mask/shapes.js';
import { controlPoints, fitPose } from '../replace/pose.js';
import type { SwappedFace } from './swapped-face.js';

/** How a network's face is made to fit the plate around it. */
export interface FaceFit {
  /** `match` gives it the broad light and colour of the plate's skin, `none` leaves its own. */
  readonly colour: 'match' | 'none';
  /** `poisson` makes it meet the plate along the mask's edge, `alpha` mixes the two there. */
  readonly blend: 'alpha' | 'poisson';
}

/** In distances of the outer eye corners, as the built-in replacement has it. */
const LIGHT_SIGMA = 0.25;
const OUTLIER = 0.8;
/** How much hair, neck and background count beside skin. */
const SURROUNDINGS = 0.1;
/** What counts as the face when its skin is looked at. */
const OUTLINE = { jawInset: 0, feather: 0.09, foreheadReach: 0.6 };

/**
 * Changes a face's colours so that it fits the plate. The frame is not changed; the face's place and mask stay.
 *
 * @param landmarks 68 points of the plate's face: the network's has its eyes, brows and lips in the same places
 */
export function fitFace(
  frame: Frame,
  landmarks: Landmarks,
  face: SwappedFace,
  { shape, seen, written }: FaceMask,
  { colour, blend }: FaceFit,
): SwappedFace {
  if (colour === 'none' && blend === 'alpha') return face;
  const { plateToCrop, size, mask } = face;
  const plate = cropRgb(frame, plateToCrop, size, size);
  let { rgb } = face;
  if (colour === 'match') {
    rgb = matchColour(
      rgb,
      plate,
      size,
      lightIn(transformLandmarks(landmarks, plateToCrop), narrowed(written, mask), size),
    );
  }
  if (blend === 'poisson') rgb = joinAtEdge(rgb, plate, size, narrowed(shape, mask), seen);
  return { ...face, rgb };
}

function narrowed(mask: Float32Array, own: Float32Array | undefined): Float32Array {
  return own === undefined ? mask : combineMasks(mask, own);
}

/**
 * Where to look at the plate's light: on skin, so not on eyes, brows, nostrils and lips, as far as the face is written. What
 * is written of its surroundings is given the light of the plate's there; next to skin it hardly counts.
 */
function lightIn(points: Float64Array, written: Float32Array, size: number): ColourMatch {
  const factor = smallFactor(size);
  const counted = reduced(written, size, factor);
  const small = points.map((value) => value / factor - 0.5);
  const pose = fitPose(small);
  const up: [number, number] = [Math.sin(pose.roll), -Math.cos(pose.roll)];
  const { hull, features } = faceRegions(
    counted.width,
    counted.height,
    controlPoints(small, pose),
    pose.scale,
    up,
    OUTLINE,
  );
  const data = counted.data.map((value, i) => {
    return value * (1 - features.data[i]!) * (SURROUNDINGS + (1 - SURROUNDINGS) * hull.data[i]!);
  });
  return { weight: { ...counted, data }, sigma: LIGHT_SIGMA * pose.scale, outlier: OUTLIER };
}
