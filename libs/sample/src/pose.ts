import type { Point2, Point3 } from './vector.js';

/** Where a head is and how it is turned. */
export interface HeadPose {
  /** Pixel position of the midpoint between the eyes, were the head not turned. */
  readonly x: number;
  readonly y: number;
  /** Pixels of one head unit (an average distance between pupils). */
  readonly unitPx: number;
  /** Degrees. Positive yaw turns the face to the right of the picture, positive pitch looks down, positive roll leans clockwise. */
  readonly yaw: number;
  readonly pitch: number;
  readonly roll: number;
}

export interface Expression {
  /** 0 closed to 1 wide open. */
  readonly mouthOpen: number;
  /** 0 wide to 1 pursed, as in "oo". */
  readonly mouthRound: number;
  /** -1 to 1. */
  readonly smile: number;
  /** 0 open to 1 shut. */
  readonly blink: number;
  /** -1 to 1, to the right and down. */
  readonly gazeX: number;
  readonly gazeY: number;
  /** 0 to 1. */
  readonly browRaise: number;
}

export const NEUTRAL: Expression = {
  mouthOpen: 0,
  mouthRound: 0,
  smile: 0.1,
  blink: 0,
  gazeX: 0,
  gazeY: 0,
  browRaise: 0,
};

/** The joint a head turns about: between the ears, above the neck. */
const PIVOT: Point3 = { x: 0, y: 0.55, z: -1.15 };
/** Viewing distance in head units (about 1.4 m): a little perspective. */
const VIEWER_DISTANCE = 22;

export interface Projected extends Point2 {
  /** Depth after turning, toward the viewer, in head units. */
  readonly depth: number;
}

/** A point of the head (head units) to picture pixels. */
export type Projector = (point: Point3) => Projected;

/** Turns a direction or an offset of the head as the pose does. */
export function rotate(pose: HeadPose, offset: Point3): Point3 {
  const radians = Math.PI / 180;
  const yaw = pose.yaw * radians;
  const pitch = pose.pitch * radians;
  const roll = pose.roll * radians;
  const x = offset.x * Math.cos(yaw) + offset.z * Math.sin(yaw);
  const z = offset.z * Math.cos(yaw) - offset.x * Math.sin(yaw);
  const y = offset.y * Math.cos(pitch) + z * Math.sin(pitch);
  const depth = z * Math.cos(pitch) - offset.y * Math.sin(pitch);
  return {
    x: x * Math.cos(roll) - y * Math.sin(roll),
    y: x * Math.sin(roll) + y * Math.cos(roll),
    z: depth,
  };
}

export function projector(pose: HeadPose): Projector {
  return (point) => {
    const turned = rotate(pose, { x: point.x - PIVOT.x, y: point.y - PIVOT.y, z: point.z - PIVOT.z });
    const scale = VIEWER_DISTANCE / (VIEWER_DISTANCE - PIVOT.z - turned.z);
    return {
      x: pose.x + pose.unitPx * (PIVOT.x + turned.x * scale),
      y: pose.y + pose.unitPx * (PIVOT.y + turned.y * scale),
      depth: turned.z,
    };
  };
}
