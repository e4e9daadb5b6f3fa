import type { AnalysisTable } from '@understudy/contracts';

type AnalysedFace = AnalysisTable['tracks'][number]['faces'][number];

/** From here on a face is large enough for the recogniser, and found surely enough. */
const LEAST_EYE_DISTANCE_PX = 36;
const LEAST_CONFIDENCE = 0.9;
/** The nose beside the middle of the eyes, in eye distances: about 35 degrees of yaw. */
const MOST_TURN = 0.35;
/** Points of the 68 (iBUG): each eye's outline, and the tip of the nose. */
const [RIGHT_EYE, LEFT_EYE, EYE_POINTS, NOSE_TIP] = [36, 42, 6, 30];

/** Whether a lane has to be able to read it: large, sure and looking about ahead, by the analysis of the plate. Light is not known. */
export function isClear({ landmarks, confidence }: AnalysedFace): boolean {
  const point = (index: number): [number, number] => [landmarks[index * 2] ?? 0, landmarks[index * 2 + 1] ?? 0];
  const centre = (from: number): [number, number] => {
    const points = Array.from({ length: EYE_POINTS }, (_, n) => point(from + n));
    return [0, 1].map((axis) => points.reduce((sum, one) => sum + (one[axis] ?? 0), 0) / EYE_POINTS) as [
      number,
      number,
    ];
  };
  const [right, left, nose] = [centre(RIGHT_EYE), centre(LEFT_EYE), point(NOSE_TIP)];
  const [x, y] = [left[0] - right[0], left[1] - right[1]];
  const distance = Math.hypot(x, y);
  if (distance < LEAST_EYE_DISTANCE_PX || confidence < LEAST_CONFIDENCE) return false;
  const [dx, dy] = [nose[0] - (left[0] + right[0]) / 2, nose[1] - (left[1] + right[1]) / 2];
  return Math.abs(dx * x + dy * y) / distance ** 2 <= MOST_TURN;
}
