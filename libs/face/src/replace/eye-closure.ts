/** Eye contours: corner, two upper points, corner, two lower points. */
const EYES = [
  [36, 37, 38, 39, 40, 41],
  [42, 43, 44, 45, 46, 47],
] as const;

/**
 * Openness, as a part of the track's usual one, at which an eye counts as shut and as open. Landmarks never close: on
 * three filmed and one drawn clip a blink's middle read 0.51-0.64, lowered and narrowed eyes 0.7 and more.
 */
const SHUT = 0.65;
const OPEN = 0.73;

/**
 * Height of the eye openings over their width (the eye aspect ratio of Soukupova and Cech 2016), mean of both.
 *
 * @param landmarks 136 numbers.
 */
export function eyeOpenness(landmarks: ArrayLike<number>): number {
  const distance = (a: number, b: number): number =>
    Math.hypot(landmarks[a * 2]! - landmarks[b * 2]!, landmarks[a * 2 + 1]! - landmarks[b * 2 + 1]!);
  let sum = 0;
  for (const [corner, upperA, upperB, otherCorner, lowerB, lowerA] of EYES) {
    sum += (distance(upperA, lowerA) + distance(upperB, lowerB)) / 2 / Math.max(1e-6, distance(corner, otherCorner));
  }
  return sum / 2;
}

/** What the eyes of a track usually are: the 70th percentile of its frames. */
export function usualOpenness(openness: readonly number[]): number {
  const sorted = [...openness].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.7)] ?? 0;
}

/** 0 while the eyes are open, 1 when they are shut, smooth between. */
export function eyeClosure(openness: number, usual: number): number {
  if (usual <= 0) return 0;
  const t = Math.max(0, Math.min(1, (OPEN - openness / usual) / (OPEN - SHUT)));
  return t * t * (3 - 2 * t);
}
