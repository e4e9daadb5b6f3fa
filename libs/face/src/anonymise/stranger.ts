import type { Landmarks } from '../landmarks/points.js';
import { CANONICAL_LANDMARKS, EXTRA_POINTS, LANDMARK_COUNT } from '../replace/canonical-face.js';
import type { IdentityImage } from '../replace/identity.js';
import { fitPose, type HeadPose } from '../replace/pose.js';

/** One resolution of a stranger's portrait: interleaved R'G'B' of 0..255. */
export interface PortraitLevel {
  readonly width: number;
  readonly height: number;
  readonly rgb: Float32Array;
}

/** The head of a person who does not exist, ready to be drawn in any pose. */
export interface Stranger {
  /** The portrait, then halved again and again. */
  readonly levels: readonly PortraitLevel[];
  /** x, y pairs of the points that the warp goes by, in pixels of the first level. */
  readonly inPortrait: Float64Array;
  /** x, y, z of the same points on the head, in outer-eye-corner distances from the middle between the eyes. */
  readonly onHead: Float64Array;
  /** Portrait pixels of that distance. */
  readonly scale: number;
}

const SMALLEST_SIDE = 48;

/** Points around the head that carry hair and neck along, on an ellipse far behind the face. */
const RING = { count: 16, centreY: 0.05, across: 1.5, along: 1.95, depth: -0.5 };

/**
 * Makes a portrait from the front ready.
 *
 * @throws RangeError when the landmarks are not 136 numbers
 */
export function prepareStranger(portrait: IdentityImage): Stranger {
  if (portrait.landmarks.length !== 2 * LANDMARK_COUNT) throw new RangeError('landmarks must be 136 numbers');
  const pose = fitPose(portrait.landmarks);
  const onHead: number[] = [];
  const inPortrait: number[] = [];
  for (let i = 0; i < LANDMARK_COUNT; i++) {
    const at = CANONICAL_LANDMARKS.subarray(3 * i, 3 * i + 3);
    const place = [portrait.landmarks[2 * i]!, portrait.landmarks[2 * i + 1]!] as const;
    const usual = seen(pose, at[0]!, at[1]!, at[2]!);
    const [dx, dy] = upright(pose, place[0] - usual[0], place[1] - usual[1]);
    onHead.push(at[0]! + dx, at[1]! + dy, at[2]!);
    inPortrait.push(...place);
  }
  // Above the brows and round the head the portrait follows its pose alone.
  const forehead = EXTRA_POINTS.filter(({ at }) => at[1] < -0.4).map(({ at }) => at);
  const ring = Array.from({ length: RING.count }, (_, i) => {
    const angle = (2 * Math.PI * i) / RING.count;
    return [RING.across * Math.cos(angle), RING.centreY + RING.along * Math.sin(angle), RING.depth] as const;
  });
  for (const [x, y, z] of [...forehead, ...ring]) {
    onHead.push(x, y, z);
    inPortrait.push(...seen(pose, x, y, z));
  }
  return {
    levels: levelsOf(portrait),
    inPortrait: Float64Array.from(inPortrait),
    onHead: Float64Array.from(onHead),
    scale: pose.scale,
  };
}

function seen({ camera }: HeadPose, x: number, y: number, z: number): [number, number] {
  return [
    camera[0]! * x + camera[1]! * y + camera[2]! * z + camera[3]!,
    camera[4]! * x + camera[5]! * y + camera[6]! * z + camera[7]!,
  ];
}

function upright({ roll, scale }: HeadPose, dx: number, dy: number): [number, number] {
  const [cos, sin] = [Math.cos(roll) / scale, Math.sin(roll) / scale];
  return [cos * dx + sin * dy, cos * dy - sin * dx];
}

function levelsOf({ rgb, width, height }: IdentityImage): PortraitLevel[] {
  const levels: PortraitLevel[] = [{ width, height, rgb: Float32Array.from(rgb) }];
  while (levels.at(-1)!.width >= 2 * SMALLEST_SIDE) levels.push(halved(levels.at(-1)!));
  return levels;
}

function halved(from: PortraitLevel): PortraitLevel {
  const [width, height] = [from.width >> 1, from.height >> 1];
  const rgb = new Float32Array(3 * width * height);
  const row = 3 * from.width;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        const at = 2 * y * row + 6 * x + c;
        rgb[3 * (y * width + x) + c] =
          (from.rgb[at]! + from.rgb[at + 3]! + from.rgb[at + row]! + from.rgb[at + row + 3]!) / 4;
      }
    }
  }
  return { width, height, rgb };
}

/** What a stranger takes from the person covered: how the head is held and the mouth opened, and nothing of its form. */
export interface Bearing {
  /** Radians, as {@link HeadPose} has them; the pitch is that beyond the person's usual one. */
  readonly yaw: number;
  readonly pitch: number;
  /** Gap of the lips in outer-eye-corner distances. */
  readonly mouth: number;
}

/** A closed mouth's lips are found a little apart, by more for some people than for others. */
const CLOSED_MOUTH = 0.04;
const WIDEST_MOUTH = 0.4;

/**
 * @param usualPitch of this person ({@link usualPitch}): how far a head seems to nod depends on the form of its face, so only
 * what differs from it is taken over; without it nothing
 */
export function bearingOf(landmarks: Landmarks, usualPitch?: number): Bearing {
  const { yaw, pitch, scale } = fitPose(landmarks);
  const gaps = [
    [61, 67],
    [62, 66],
    [63, 65],
  ].map(([upper, lower]) => {
    const [dx, dy] = [0, 1].map((c) => landmarks[2 * lower! + c]! - landmarks[2 * upper! + c]!);
    return Math.hypot(dx!, dy!) / scale;
  });
  const gap = gaps.reduce((sum, one) => sum + one, 0) / gaps.length;
  return {
    yaw,
    pitch: usualPitch === undefined ? 0 : pitch - usualPitch,
    mouth: Math.min(WIDEST_MOUTH, Math.max(0, gap - CLOSED_MOUTH)),
  };
}

/** The middle one of a track's pitches, radians. */
export function usualPitch(track: readonly Landmarks[]): number {
  const pitches = track.map((landmarks) => fitPose(landmarks).pitch).sort((a, b) => a - b);
  return pitches[pitches.length >> 1] ?? 0;
}
