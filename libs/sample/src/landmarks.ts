import type { Head } from './head.js';
import { JAW_DROP } from './head.js';
import type { Expression, Projected, Projector } from './pose.js';
import { clamp, lerp, smoothstep, type Point2, type Point3 } from './vector.js';

/**
 * The 68 iBUG points of a head: 0-16 jaw from the picture's left ear over the chin to the right ear, 17-21 and
 * 22-26 brows, 27-30 bridge of the nose, 31-35 its base, 36-41 and 42-47 eyes, 48-59 outer lips, 60-67 inner lips.
 * "Left" is the picture's left.
 */

const JAW_TOP_Y = -0.1;

/** Nine outline places from ear to chin at nearly equal steps (wider at the cheek) along the outline of the right half: ring indices. */
function jawRings(head: Head, slide: number): number[] {
  const from = head.ringIndex(JAW_TOP_Y);
  const to = head.rings.length - 1;
  const steps = 200;
  const lengths = [0];
  for (let step = 1; step <= steps; step += 1) {
    const a = head.ringAtIndex(lerp(from, to, (step - 1) / steps));
    const b = head.ringAtIndex(lerp(from, to, step / steps));
    lengths.push((lengths[step - 1] ?? 0) + Math.hypot(b.half - a.half, b.y - a.y));
  }
  const total = lengths[steps] ?? 0;
  return Array.from({ length: 9 }, (_, index) => {
    const t = index / 8;
    const wanted = total * (t + slide * Math.sin(Math.PI * t) ** 1.4);
    const step = lengths.findIndex((length) => length >= wanted - 1e-9);
    return lerp(from, to, step / steps);
  });
}

/** How far round the side of the head the visible jaw edge lies: at the ear further back than at the chin. */
const jawAngle = (index: number): number => lerp(80, 90, index / 8) * (Math.PI / 180);

/** How far marked points slide along the outline toward the chin: facing, and more on the near side of a turned head. */
const JAW_SLIDE = { facing: 0.024, turned: 0.026 };

function jawPoints(head: Head, expression: Expression, project: Projector, yaw: number): Projected[] {
  const side = (sign: 1 | -1): Projected[] => {
    const turned = clamp((-sign * yaw) / 20, -1, 1);
    const rings = jawRings(head, JAW_SLIDE.facing + JAW_SLIDE.turned * turned).map((index) => head.ringAtIndex(index));
    return rings.map((ring, index) => {
      const rest = head.ringPoint(ring, sign * jawAngle(index));
      const fixed = project(head.dropJaw(rest, expression));
      const edge = outlinePoint(head, expression, project, ring.y, sign);
      // On the side that turns away the cheek's outline hides the jaw's edge: the outline is what can be seen.
      return sign * edge.x < sign * fixed.x ? edge : fixed;
    });
  };
  const left = side(-1);
  const right = side(1);
  return [...left, ...right.slice(0, 8).reverse()];
}

/** The outermost visible point of the ring at a height, on one side. */
export function outlinePoint(
  head: Head,
  expression: Expression,
  project: Projector,
  y: number,
  sign: 1 | -1,
): Projected {
  const ring = head.ringAt(y);
  let best: Projected | undefined;
  for (let step = 0; step <= 48; step += 1) {
    const angle = sign * (Math.PI * 0.15 + (Math.PI * 0.5 * step) / 48);
    const candidate = project(head.dropJaw(head.ringPoint(ring, angle), expression));
    if (!best || sign * candidate.x > sign * best.x) best = candidate;
  }
  if (!best) throw new RangeError('a ring has points');
  return best;
}

const both = (right: readonly (readonly [number, number])[]): (readonly [number, number])[] => [
  ...right.map(([x, y]) => [-x, y] as const).reverse(),
  ...right,
];

function browPlaces(head: Head, expression: Expression): (readonly [number, number])[] {
  const s = head.shape;
  const raise = 0.1 * expression.browRaise;
  const inner = s.eyeOffset - 0.29;
  const outer = s.eyeOffset + 0.37;
  return both(
    [0, 0.25, 0.5, 0.75, 1].map((t) => {
      const arch = s.browArch * (1 - (2 * (t - 0.58)) ** 2);
      return [lerp(inner, outer, t), s.browY - arch - s.browTilt * (t - 0.5) * 2 - raise + 0.08 * t ** 3] as const;
    }),
  );
}

function nosePlaces(head: Head): (readonly [number, number])[] {
  const s = head.shape;
  const bridge = [0, 1, 2, 3].map((step) => [0, lerp(-0.06, s.noseTipY, step / 3)] as const);
  const base = [-1, -0.52, 0, 0.52, 1].map(
    (t) => [t * s.noseHalf * 0.82, s.noseBaseY + 0.025 - 0.055 * Math.abs(t) ** 1.5] as const,
  );
  return [...bridge, ...base];
}

/** The eyes lie a little above the head's own zero: where the landmark models' mean face has them. */
export const EYE_LINE = -0.025;

/** Lids of the right eye, in the order of points 42-47: inner corner, two above, outer corner, two below. */
function eyePlaces(head: Head, expression: Expression): (readonly [number, number])[] {
  const s = head.shape;
  const upper = -s.eyeOpening * 0.57 - 0.015 * expression.browRaise;
  // Shutting is the upper lid's work; the lower one comes a little way to meet it.
  const lower = (s.eyeOpening * 0.43 - 0.02 * Math.max(0, expression.smile)) * (1 - 0.5 * expression.blink);
  const shut = lower - 0.004;
  const lid = lerp(upper + 0.03 * Math.max(0, expression.gazeY), shut, expression.blink);
  const tilt = (x: number): number => (-s.eyeTilt * x) / s.eyeHalf;
  const place = (x: number, y: number): readonly [number, number] => [s.eyeOffset + x, EYE_LINE + y + tilt(x)];
  const third = s.eyeHalf * 0.36;
  return [
    place(-s.eyeHalf, 0.024),
    place(-third, lid),
    place(third * 0.9, lid * 0.98),
    place(s.eyeHalf, -0.018),
    place(third * 0.9, lower * 0.96),
    place(-third, lower),
  ];
}

/** Points 48-67 as places on the face; the lower lip is carried by the jaw, so it is not dropped again. */
function mouthPlaces(head: Head, expression: Expression): (readonly [number, number])[] {
  const s = head.shape;
  const open = expression.mouthOpen;
  const drop = open * JAW_DROP * smoothstep(0.45, s.chinY - 0.15, s.mouthY + s.lowerLip) * 1.15;
  const half = s.mouthHalf * (1 - 0.28 * expression.mouthRound + 0.07 * expression.smile - 0.05 * open);
  const corner = s.mouthY + 0.012 - 0.05 * expression.smile + drop * 0.36;
  const lift = 0.02 * open;
  const top = s.mouthY - s.upperLip - lift;
  const bottom = s.mouthY + s.lowerLip + drop;
  const innerTop = s.mouthY - lift * 0.6;
  const innerBottom = s.mouthY + 0.006 + drop;
  const at = (t: number, y: number): readonly [number, number] => [t * half, y];
  return [
    at(-1, corner),
    at(-0.62, lerp(top, corner, 0.32)),
    at(-0.24, top),
    at(0, top + s.upperLip * 0.14),
    at(0.24, top),
    at(0.62, lerp(top, corner, 0.32)),
    at(1, corner),
    at(0.64, lerp(bottom, corner, 0.34)),
    at(0.28, lerp(bottom, corner, 0.05)),
    at(0, bottom),
    at(-0.28, lerp(bottom, corner, 0.05)),
    at(-0.64, lerp(bottom, corner, 0.34)),
    at(-0.86, corner),
    at(-0.25, lerp(innerTop, corner, 0.06)),
    at(0, innerTop),
    at(0.25, lerp(innerTop, corner, 0.06)),
    at(0.86, corner),
    at(0.25, lerp(innerBottom, corner, 0.06)),
    at(0, innerBottom),
    at(-0.25, lerp(innerBottom, corner, 0.06)),
  ];
}

/** The 51 inner points (17-67) as points of the head. */
export function featurePoints(head: Head, expression: Expression): Point3[] {
  const right = eyePlaces(head, expression);
  const mirrored = [3, 2, 1, 0, 5, 4].map((index) => {
    const [x, y] = right[index] ?? [0, 0];
    return [-x, y] as const;
  });
  const places = [...browPlaces(head, expression), ...nosePlaces(head), ...mirrored, ...right];
  const eyeballLift = 0.02;
  return [
    ...places.map(([x, y], index) => head.surface(x, y, index >= 19 ? eyeballLift : 0)),
    ...mouthPlaces(head, expression).map(([x, y]) => head.surface(x, y, 0.01)),
  ];
}

/** All 68 points in picture pixels. */
export function projectLandmarks(head: Head, expression: Expression, project: Projector, yaw: number): Point2[] {
  const features = featurePoints(head, expression).map((point) => project(point));
  return [...jawPoints(head, expression, project, yaw), ...features].map(({ x, y }) => ({ x, y }));
}
