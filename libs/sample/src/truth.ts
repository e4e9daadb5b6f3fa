import type { PosedHead } from './face-drawing.js';
import type { Point2 } from './vector.js';

/** A rectangle in picture pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What is true of one drawn face in one frame. */
export interface FaceTruth {
  readonly performer: string;
  /** 68 points in iBUG order, [x, y] in picture pixels; points of a face cut by the edge may lie outside. */
  readonly landmarks: readonly (readonly [number, number])[];
  /** The face from hairline to chin and from ear to ear, cut at the picture's edge; null when none of it is inside. */
  readonly box: Box | null;
  /** Degrees: positive yaw to the right of the picture, positive pitch downward, positive roll clockwise. */
  readonly yaw: number;
  readonly pitch: number;
  readonly roll: number;
  /** 0 closed to 1 wide open. */
  readonly mouthOpening: number;
  /** 0 open to 1 shut. */
  readonly blink: number;
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

export function truthOf(face: PosedHead, picture: { readonly width: number; readonly height: number }): FaceTruth {
  return {
    performer: face.person.name,
    landmarks: face.landmarks.map(({ x, y }) => [rounded(x), rounded(y)] as const),
    box: faceBox(face, picture),
    yaw: rounded(face.pose.yaw),
    pitch: rounded(face.pose.pitch),
    roll: rounded(face.pose.roll),
    mouthOpening: rounded(face.expression.mouthOpen),
    blink: rounded(face.expression.blink),
  };
}

function faceBox(face: PosedHead, picture: { readonly width: number; readonly height: number }): Box | null {
  const extremes: readonly Point2[] = [
    ...face.earTips(),
    ...face.foreheadEdge(),
    ...face.landmarks,
    ...face.lowerOutline(),
  ];
  const xs = extremes.map(({ x }) => x);
  const ys = extremes.map(({ y }) => y);
  const left = Math.max(0, Math.min(...xs));
  const top = Math.max(0, Math.min(...ys));
  const right = Math.min(picture.width, Math.max(...xs));
  const bottom = Math.min(picture.height, Math.max(...ys));
  if (right <= left || bottom <= top) return null;
  return { x: rounded(left), y: rounded(top), width: rounded(right - left), height: rounded(bottom - top) };
}
