/**
 * A generic frontal head in 68-landmark (iBUG) order, used for pose, for points the landmarks do not give
 * (forehead, cheeks) and to tell which side of a face a pixel lies on.
 *
 * Unit: the distance between the outer eye corners. Origin: midway between them. x grows to the image's right,
 * y downward, z toward the camera.
 */

export const LANDMARK_COUNT = 68;

/** x, y, z of points 0-8, 17-21, 27-33, 36-41 and the mouth's left half; the right half is their mirror image. */
const LEFT_HALF: ReadonlyArray<readonly [index: number, x: number, y: number, z: number]> = [
  [0, -0.819, -0.056, -0.62],
  [1, -0.797, 0.199, -0.58],
  [2, -0.767, 0.442, -0.52],
  [3, -0.729, 0.68, -0.43],
  [4, -0.653, 0.898, -0.3],
  [5, -0.528, 1.073, -0.14],
  [6, -0.364, 1.206, 0.03],
  [7, -0.189, 1.313, 0.14],
  [8, 0, 1.346, 0.18],
  [17, -0.677, -0.181, -0.06],
  [18, -0.567, -0.296, 0.06],
  [19, -0.418, -0.322, 0.14],
  [20, -0.266, -0.288, 0.19],
  [21, -0.123, -0.212, 0.21],
  [27, 0, -0.032, 0.18],
  [28, 0, 0.113, 0.26],
  [29, 0, 0.255, 0.36],
  [30, 0, 0.404, 0.45],
  [31, -0.151, 0.536, 0.22],
  [32, -0.077, 0.561, 0.28],
  [33, 0, 0.582, 0.31],
  [36, -0.5, 0, 0],
  [37, -0.41, -0.053, 0.09],
  [38, -0.307, -0.052, 0.11],
  [39, -0.216, 0.031, 0.08],
  [40, -0.312, 0.054, 0.1],
  [41, -0.417, 0.051, 0.08],
  [48, -0.286, 0.795, 0.12],
  [49, -0.169, 0.744, 0.23],
  [50, -0.069, 0.712, 0.29],
  [51, 0, 0.736, 0.3],
  [57, 0, 0.901, 0.27],
  [58, -0.073, 0.894, 0.26],
  [59, -0.169, 0.866, 0.2],
  [60, -0.239, 0.797, 0.14],
  [61, -0.07, 0.795, 0.27],
  [62, 0, 0.806, 0.28],
  [66, 0, 0.796, 0.27],
  [67, -0.07, 0.787, 0.26],
];

/** Index of each landmark's mirror image on the other side of the face. */
export const MIRRORED_INDEX: readonly number[] = buildMirror();

function buildMirror(): number[] {
  const mirror = Array.from({ length: LANDMARK_COUNT }, (_, index) => index);
  const swap = (a: number, b: number): void => {
    mirror[a] = b;
    mirror[b] = a;
  };
  for (let i = 0; i < 8; i++) swap(i, 16 - i);
  for (let i = 0; i < 5; i++) swap(17 + i, 26 - i);
  for (let i = 0; i < 2; i++) swap(31 + i, 35 - i);
  for (let i = 0; i < 4; i++) swap(36 + i, 45 - i);
  swap(40, 47);
  swap(41, 46);
  for (let i = 0; i < 3; i++) swap(48 + i, 54 - i);
  swap(58, 56);
  swap(59, 55);
  swap(60, 64);
  swap(61, 63);
  swap(67, 65);
  return mirror;
}

/** x, y, z triples of the 68 landmarks. */
export const CANONICAL_LANDMARKS: Float64Array = buildLandmarks();

function buildLandmarks(): Float64Array {
  const points = new Float64Array(LANDMARK_COUNT * 3);
  for (const [index, x, y, z] of LEFT_HALF) {
    points.set([x, y, z], index * 3);
    points.set([-x, y, z], (MIRRORED_INDEX[index] ?? index) * 3);
  }
  return points;
}

/**
 * Points that landmarks do not give, extrapolated through the pose. `anchors` are the landmarks whose own
 * deviation from the generic head they follow (a raised brow lifts the skin above it).
 */
export interface ExtraPoint {
  readonly at: readonly [x: number, y: number, z: number];
  readonly anchors: readonly number[];
  /** Index, among the extra points, of the mirror image. */
  readonly mirror: number;
}

export const EXTRA_POINTS: readonly ExtraPoint[] = [
  { at: [-0.62, -0.5, -0.1], anchors: [17, 18], mirror: 4 },
  { at: [-0.34, -0.58, 0.1], anchors: [18, 19, 20], mirror: 3 },
  { at: [0, -0.6, 0.16], anchors: [20, 21, 22, 23], mirror: 2 },
  { at: [0.34, -0.58, 0.1], anchors: [23, 24, 25], mirror: 1 },
  { at: [0.62, -0.5, -0.1], anchors: [25, 26], mirror: 0 },
  { at: [-0.5, -0.82, -0.1], anchors: [17, 18, 19], mirror: 8 },
  { at: [-0.2, -0.9, 0.04], anchors: [19, 20, 21], mirror: 7 },
  { at: [0.2, -0.9, 0.04], anchors: [22, 23, 24], mirror: 6 },
  { at: [0.5, -0.82, -0.1], anchors: [24, 25, 26], mirror: 5 },
  // Under the brows, so that a shutting lid does not draw them down with it.
  { at: [-0.56, -0.19, 0.05], anchors: [18], mirror: 14 },
  { at: [-0.41, -0.21, 0.12], anchors: [19], mirror: 13 },
  { at: [-0.26, -0.18, 0.17], anchors: [20], mirror: 12 },
  { at: [0.26, -0.18, 0.17], anchors: [23], mirror: 11 },
  { at: [0.41, -0.21, 0.12], anchors: [24], mirror: 10 },
  { at: [0.56, -0.19, 0.05], anchors: [25], mirror: 9 },
  // Over the lids and beside the inner corners: where brows of another height stretch the skin, the eye keeps its form.
  { at: [-0.42, -0.1, 0.1], anchors: [37], mirror: 20 },
  { at: [-0.3, -0.1, 0.12], anchors: [38], mirror: 19 },
  { at: [-0.2, -0.03, 0.1], anchors: [39], mirror: 18 },
  { at: [0.2, -0.03, 0.1], anchors: [42], mirror: 17 },
  { at: [0.3, -0.1, 0.12], anchors: [43], mirror: 16 },
  { at: [0.42, -0.1, 0.1], anchors: [44], mirror: 15 },
];

/** Landmarks and extra points together: what a face is warped by. */
export const CONTROL_COUNT = LANDMARK_COUNT + EXTRA_POINTS.length;

/** {@link MIRRORED_INDEX}, over all control points. */
export const MIRRORED_CONTROL: readonly number[] = [
  ...MIRRORED_INDEX,
  ...EXTRA_POINTS.map((point) => LANDMARK_COUNT + point.mirror),
];

/** Frontal x, y pairs of all control points. */
export const CANONICAL_CONTROLS: Float64Array = Float64Array.from([
  ...Array.from({ length: LANDMARK_COUNT }, (_, i) => [
    CANONICAL_LANDMARKS[i * 3] ?? 0,
    CANONICAL_LANDMARKS[i * 3 + 1] ?? 0,
  ]).flat(),
  ...EXTRA_POINTS.flatMap((point) => [point.at[0], point.at[1]]),
]);
