import type { Person, Shape } from './person.js';
import type { Expression } from './pose.js';
import { clamp, curveThrough, gaussian, lerp, smoothstep, type Point3 } from './vector.js';

/**
 * The solid head: horizontal rings from crown to chin, each a rounded front of some half width and depth, with the
 * relief of the face (nose, sockets, cheeks, lips) raised on it. Everything drawn is placed on this surface, so a
 * turn of the head foreshortens all of it alike and the geometry of every frame is known.
 */
export interface Ring {
  readonly y: number;
  readonly half: number;
  /** Depth of the middle of the face, and of the ring's widest place. */
  readonly front: number;
  readonly side: number;
}

/** Roundness of a ring's front: 2 is an ellipse, more is flatter. */
const ROUNDNESS = 2.25;
const RING_SAMPLES = 96;

const ring = (y: number, half: number, front: number, side: number): Ring => ({ y, half, front, side });

function ringKnots(shape: Shape): Ring[] {
  const { headTop: top, foreheadHalf: forehead, cheekHalf: cheek, jawHalf: jaw, chinHalf: chin, chinY } = shape;
  return [
    ring(top, 0, -1.15, -1.15),
    ring(top + 0.07, forehead * 0.46, -0.72, -1.15),
    ring(lerp(top, -0.5, 0.22), forehead * 0.8, -0.32, -1.12),
    ring(lerp(top, -0.5, 0.5), forehead * 0.98, -0.02, -1.1),
    ring(-0.62, forehead * 1.06, 0.1, -1.06),
    ring(-0.28, lerp(forehead * 1.06, cheek, 0.6), 0.12, -1.02),
    ring(0.05, cheek, 0.05, -0.98),
    ring(0.38, cheek * 0.985, 0.08, -0.92),
    ring(0.72, lerp(cheek, jaw, 0.45), 0.11, -0.82),
    ring(1.02, jaw, 0.14, -0.68),
    ring(lerp(1.02, chinY, 0.42), lerp(jaw, chin, 0.32), 0.12, -0.48),
    ring(lerp(1.02, chinY, 0.74), lerp(jaw, chin, 0.68), 0.13, -0.27),
    ring(lerp(1.02, chinY, 0.94), chin * 0.82, 0.06, -0.16),
    ring(chinY, 0, -0.1, -0.1),
  ];
}

function sampleRings(shape: Shape): Ring[] {
  const knots = ringKnots(shape);
  const along = (pick: (ring: Ring) => number): ((t: number) => number) => {
    const values = knots.map(pick);
    return (t) => curveThrough(values, t);
  };
  const [y, half, front, side] = [
    along((ring) => ring.y),
    along((ring) => ring.half),
    along((ring) => ring.front),
    along((ring) => ring.side),
  ];
  return Array.from({ length: RING_SAMPLES + 1 }, (_, index) => {
    const t = index / RING_SAMPLES;
    return { y: y(t), half: Math.max(0, half(t)), front: front(t), side: side(t) };
  });
}

export class Head {
  readonly shape: Shape;
  readonly rings: readonly Ring[];

  constructor(person: Person) {
    this.shape = person.shape;
    this.rings = sampleRings(person.shape);
  }

  /** The ring at a height, interpolated; heights beyond crown and chin give the ends. */
  ringAt(y: number): Ring {
    return this.ringAtIndex(this.ringIndex(y));
  }

  /** Fractional index into {@link rings} of a height. */
  ringIndex(y: number): number {
    let low = 0;
    let high = this.rings.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.rings[middle]?.y ?? 0) <= y) low = middle;
      else high = middle;
    }
    const from = this.rings[low]?.y ?? 0;
    const to = this.rings[high]?.y ?? 0;
    return low + clamp((y - from) / Math.max(1e-6, to - from), 0, 1);
  }

  ringAtIndex(index: number): Ring {
    const low = clamp(Math.floor(index), 0, this.rings.length - 2);
    const [a, b] = [this.rings[low], this.rings[low + 1]];
    if (!a || !b) throw new RangeError(`no ring ${index}`);
    const t = clamp(index - low, 0, 1);
    return {
      y: lerp(a.y, b.y, t),
      half: lerp(a.half, b.half, t),
      front: lerp(a.front, b.front, t),
      side: lerp(a.side, b.side, t),
    };
  }

  /** A point of a ring: angle 0 is the middle of the face, 90 degrees (pi/2) its right edge; beyond is the back. */
  ringPoint(ring: Ring, angle: number): Point3 {
    const power = 2 / ROUNDNESS;
    const sine = Math.sin(angle);
    const cosine = Math.cos(angle);
    const x = ring.half * Math.sign(sine) * Math.abs(sine) ** power;
    const depth = cosine >= 0 ? ring.front - ring.side : Math.min(0.95, ring.half * 0.95);
    return { x, y: ring.y, z: ring.side + depth * Math.sign(cosine) * Math.abs(cosine) ** power };
  }

  /** The angle whose ring point has this x. */
  angleAt(ring: Ring, x: number): number {
    const ratio = clamp(ring.half > 1e-6 ? x / ring.half : 0, -1, 1);
    return Math.asin(Math.sign(ratio) * Math.abs(ratio) ** (ROUNDNESS / 2));
  }

  /** The point of the face's surface in front of (x, y), relief included, raised by `lift`. */
  surface(x: number, y: number, lift = 0): Point3 {
    const ring = this.ringAt(y);
    const base = this.ringPoint(ring, this.angleAt(ring, x));
    return { x, y, z: base.z + this.relief(x, y) + lift };
  }

  /** Height of the features over the plain ring surface, head units. */
  relief(x: number, y: number): number {
    const s = this.shape;
    const across = Math.abs(x);
    const spot = (cx: number, cy: number, sx: number, sy: number): number =>
      gaussian(across - cx, sx) * gaussian(y - cy, sy);
    const rise = smoothstep(-0.22, s.noseTipY, y);
    const fall = 1 - smoothstep(s.noseTipY + 0.02, s.noseBaseY + 0.05, y);
    const noseWidth = lerp(s.bridgeHalf * 0.85, s.noseHalf * 0.5, rise);
    const nose =
      s.noseProjection * (0.16 + 0.84 * rise ** 1.3) * smoothstep(-0.4, -0.1, y) * fall * gaussian(x, noseWidth);
    const wings = 0.16 * s.noseProjection * spot(s.noseHalf * 0.78, s.noseBaseY - 0.1, 0.07, 0.08);
    const sockets = -0.11 * spot(s.eyeOffset * 0.92, -0.03, 0.22, 0.13);
    const eyeballs = 0.07 * spot(s.eyeOffset, 0, 0.15, 0.1);
    const browRidge = 0.05 * spot(s.eyeOffset * 0.85, s.browY + 0.02, 0.26, 0.09);
    const cheeks = s.cheekbone * spot(0.66, 0.45, 0.26, 0.22) - 0.04 * spot(0.62, 1.0, 0.18, 0.25);
    const lips =
      0.09 * gaussian(x, s.mouthHalf * 0.62) * gaussian(y - s.mouthY, 0.16) -
      0.035 * gaussian(x, 0.2) * gaussian(y - (s.mouthY + s.lowerLip + 0.13), 0.06);
    const chin = 0.09 * spot(0, s.chinY - 0.24, 0.2, 0.14);
    const fold = -0.03 * (0.4 + s.wrinkles) * spot(s.mouthHalf + 0.1, s.mouthY - 0.15, 0.06, 0.18);
    return nose + wings + sockets + eyeballs + browRidge + cheeks + lips + chin + fold;
  }

  /** Moves a point of the face with the jaw: the lower face drops as the mouth opens. */
  dropJaw(point: Point3, expression: Expression): Point3 {
    const weight = smoothstep(0.45, this.shape.chinY - 0.15, point.y);
    const drop = JAW_DROP * expression.mouthOpen * weight;
    return { x: point.x * (1 - 0.04 * expression.mouthOpen * weight), y: point.y + drop, z: point.z - 0.35 * drop };
  }
}

/** How far the chin falls when the mouth is wide open, head units. */
export const JAW_DROP = 0.3;
