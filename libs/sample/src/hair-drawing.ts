import type { PosedHead } from './face-drawing.js';
import { litTone, type Light } from './lighting.js';
import type { HairStyle, Rgb } from './person.js';
import type { Projected } from './pose.js';
import { between, seededRandom, type Random } from './random.js';
import { blend, curvePath, loopPath, rgbCss, shade, type SvgSheet } from './svg-sheet.js';
import { clamp, lerp, smoothstep, type Point2 } from './vector.js';

interface HairPlan {
  /** How far the hair stands off the skull, in parts of the skull's size; on top and at the sides. */
  readonly top: number;
  readonly sides: number;
  /** Where the sides end (head units below the eyes). */
  readonly sideY: number;
  /** Hairline height above the outer brow, against its middle: positive recedes at the temples. */
  readonly temples: number;
  readonly strands: number;
}

const PLANS: Readonly<Record<HairStyle, HairPlan>> = {
  swept: { top: 0.13, sides: 0.05, sideY: 0.12, temples: 0.02, strands: 190 },
  crop: { top: 0.05, sides: 0.03, sideY: 0.1, temples: -0.02, strands: 150 },
  curls: { top: 0.17, sides: 0.13, sideY: 0.05, temples: 0, strands: 0 },
  receding: { top: 0.035, sides: 0.06, sideY: 0.2, temples: -0.3, strands: 130 },
  long: { top: 0.13, sides: 0.1, sideY: 0.35, temples: 0.04, strands: 190 },
  bun: { top: 0.06, sides: 0.04, sideY: 0.1, temples: 0.02, strands: 170 },
};

const SKULL_CENTRE = { y: -0.35, z: -1.0 };

/** A person's hair in one frame. */
class Hair {
  readonly plan: HairPlan;
  readonly tone: Rgb;
  readonly random: Random;
  readonly volume: number;

  constructor(
    readonly sheet: SvgSheet,
    readonly face: PosedHead,
    readonly light: Light,
  ) {
    this.plan = PLANS[face.person.hair];
    this.volume = 0.6 + 4 * face.head.shape.hairVolume;
    this.random = seededRandom(face.person.seed ^ 0x9e37);
    this.tone = blend(face.person.tones.hair, [176, 176, 178], face.head.shape.greying * 0.9);
  }

  /** A point over the skull: angle round the head (0 in front), height, stand-off. */
  over(angle: number, y: number, standOff: number): Projected {
    const ring = this.face.head.ringAt(Math.max(y, this.face.head.shape.headTop));
    const point = this.face.head.ringPoint(ring, angle);
    const factor = 1 + standOff;
    return this.face.project({
      x: point.x * factor,
      y: SKULL_CENTRE.y + (point.y - SKULL_CENTRE.y) * factor,
      z: SKULL_CENTRE.z + (point.z - SKULL_CENTRE.z) * factor,
    });
  }

  /** How far the hair stands off at a height; it thins to nothing where the sides end. */
  standOff(y: number): number {
    const up = smoothstep(0.1, -1.1, y);
    const thinning = smoothstep(this.plan.sideY, this.plan.sideY - 0.45, y);
    return 0.012 + lerp(this.plan.sides, this.plan.top, up) * this.volume * thinning;
  }

  /** Height of the hairline at an angle round the head. */
  hairline(angle: number): number {
    const s = this.face.head.shape;
    const round = Math.abs(angle);
    const front = s.hairlineY + 0.32 * Math.min(1, round) ** 2.2;
    const receded = front + this.plan.temples * smoothstep(0.12, 0.5, round) * (1 - smoothstep(0.75, 1.05, round));
    return lerp(receded, this.plan.sideY, smoothstep(0.7, 1.36, round) ** 1.25);
  }

  /** The outline of the hair from one sideburn over the top to the other. */
  crown(): Point2[] {
    const s = this.face.head.shape;
    const heights = Array.from({ length: 15 }, (_, index) => {
      const t = index / 14;
      return lerp(this.plan.sideY, s.headTop, Math.sin((t * Math.PI) / 2));
    });
    const extreme = (sign: 1 | -1): Point2[] =>
      heights.map((y) => {
        // Low down only the sideburn in front of the ear counts, higher up all that stands out.
        const reach = lerp(0.46, 0.75, smoothstep(this.plan.sideY, this.plan.sideY - 0.5, y));
        const candidates = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1].map((part) =>
          this.over(sign * part * reach * Math.PI, y, this.standOff(y)),
        );
        return candidates.reduce((best, next) => (sign * next.x > sign * best.x ? next : best));
      });
    return [...extreme(-1), ...extreme(1).reverse().slice(1)];
  }

  edge(): Point2[] {
    return Array.from({ length: 25 }, (_, index) => {
      const angle = lerp(1.4, -1.4, index / 24);
      return this.over(angle, this.hairline(angle), 0.012);
    });
  }

  lit(factor: number, x = 0, y = -0.5): Rgb {
    return litTone(shade(this.tone, factor), this.light, x, y);
  }
}

/** Hair that hangs behind head and neck. */
export function drawBackHair(sheet: SvgSheet, face: PosedHead, light: Light): void {
  const hair = new Hair(sheet, face, light);
  if (face.person.hair === 'long') drawMane(hair);
  if (face.person.hair === 'bun') {
    const centre = hair.over(0, face.head.shape.headTop, 0.16);
    sheet.ellipse(centre, face.px(0.5), face.px(0.42), { fill: rgbCss(hair.lit(0.8)) });
    for (let turn = 0; turn < 7; turn += 1) {
      const y = centre.y + face.px(-0.3 + 0.09 * turn);
      const half = face.px(0.45) * Math.sqrt(Math.max(0, 1 - ((y - centre.y) / face.px(0.42)) ** 2));
      sheet.path(
        curvePath([
          { x: centre.x - half, y },
          { x: centre.x, y: y - face.px(0.12) },
          { x: centre.x + half, y },
        ]),
        {
          stroke: rgbCss(hair.lit(turn % 2 ? 1.15 : 0.6)),
          width: face.px(0.03),
          opacity: 0.7,
        },
      );
    }
  }
}

function drawMane(hair: Hair): void {
  const { face, sheet } = hair;
  const side = (sign: 1 | -1): Point2[] => {
    const from = hair.over(sign * Math.PI * 0.5, -0.5, hair.standOff(-0.5));
    const hang = (x: number, y: number): Point2 => {
      const settled = face.project({ x: sign * x, y, z: -1.3 });
      const sway = face.px(0.02 * Math.sin(y * 4 + face.person.seed));
      return { x: settled.x + sway, y: settled.y };
    };
    return [from, hang(1.36, 0.2), hang(1.4, 0.9), hang(1.34, 1.6), hang(1.42, 2.2), hang(1.2, 2.6), hang(0.75, 2.66)];
  };
  const outline = [...side(-1).reverse(), hair.over(0, face.head.shape.headTop, hair.standOff(-1.6)), ...side(1)];
  sheet.path(loopPath(outline), { fill: rgbCss(hair.lit(0.62)) });
  for (const sign of [-1, 1] as const) {
    const rim = side(sign);
    for (let strand = 0; strand < 26; strand += 1) {
      const inward = strand / 26;
      const line = rim.slice(0, 6).map((point, index) => ({
        x: lerp(point.x, face.pose.x, inward * (0.25 + 0.03 * index)),
        y: point.y + face.px(0.04 * Math.sin(strand * 1.7 + index)),
      }));
      sheet.path(curvePath(line), {
        stroke: rgbCss(hair.lit(between(hair.random, 0.5, 1.18), sign)),
        width: face.px(between(hair.random, 0.02, 0.05)),
        opacity: 0.55,
      });
    }
  }
}

/** Hair over the skull, in front of the skin. */
export function drawHair(sheet: SvgSheet, face: PosedHead, light: Light): void {
  const hair = new Hair(sheet, face, light);
  if (face.person.hair === 'long') for (const sign of [-1, 1] as const) drawLock(hair, sign);
  const cap = `${curvePath(hair.crown())}${curvePath(hair.edge(), 'L')}Z`;
  if (face.person.hair === 'receding') drawThinTop(hair, cap);
  else drawCap(hair, cap);
  if (face.person.hair === 'curls') drawCurls(hair);
  else sheet.within(sheet.clip(cap), () => drawStrands(hair));
}

/** Long hair that falls from the temple over the ear. It stays outside the face's edge. */
function drawLock(hair: Hair, sign: 1 | -1): void {
  const { face, sheet, random } = hair;
  const cheek = face.head.shape.cheekHalf;
  const fall = (x: number, y: number, z: number): Point2 => face.project({ x: sign * (cheek + x), y, z });
  // On the side that turns away, what would lie behind the head's edge hugs the edge.
  const edge = 1.46 - (sign * face.pose.yaw * Math.PI) / 180;
  const behind = (angle: number, t: number): number => sign * Math.min(angle, edge + 0.12 * t);
  const strand = (t: number): Point2[] => [
    hair.over(behind(lerp(1.12, 1.75, t), t), lerp(-0.62, -0.75, t), 0.03 + 0.05 * t),
    hair.over(behind(lerp(1.42, 1.75, t), t), -0.22, 0.03 + 0.08 * t),
    fall(0.03 + 0.2 * t, 0.25, -0.86 - 0.2 * t),
    fall(0.07 + 0.2 * t, 0.75, -1.0 - 0.15 * t),
    fall(0.02 + 0.22 * t, 1.3, -1.2),
    fall(0.28 * t, 1.8, -1.3),
    fall(0.02 + 0.3 * t, 2.25, -1.3),
    fall(0.06 + 0.12 * t, 2.62 + 0.05 * Math.sin(t * 9), -1.3),
  ];
  const shape = `${curvePath(strand(0))}${curvePath([...strand(1)].reverse(), 'L')}Z`;
  sheet.path(shape, { fill: rgbCss(hair.lit(0.72, sign)) });
  for (let index = 0; index < 22; index += 1) {
    sheet.path(curvePath(strand(random())), {
      stroke: rgbCss(hair.lit(between(random, 0.5, 1.2), sign)),
      width: face.px(between(random, 0.015, 0.04)),
      opacity: 0.6,
    });
  }
}

function drawCap(hair: Hair, cap: string): void {
  const { face, sheet } = hair;
  const top = hair.over(0, face.head.shape.headTop, 0.1);
  const fill = sheet.linear(
    [
      [0, hair.lit(0.95), 1],
      [0.35, hair.lit(0.82), 1],
      [1, hair.lit(0.56), 1],
    ],
    top,
    { x: top.x, y: face.pose.y },
    true,
  );
  const edge = hair.edge().map((point) => ({ x: point.x, y: point.y + face.px(0.02) }));
  sheet.path(curvePath(edge), {
    stroke: rgbCss(shade(face.person.tones.skin, 0.35)),
    width: face.px(0.07),
    opacity: 0.16,
  });
  sheet.path(cap, { fill });
}

/** Short hair at the sides and a bare crown with a shine on it. */
function drawThinTop(hair: Hair, cap: string): void {
  const { face, sheet } = hair;
  sheet.path(cap, { fill: rgbCss(hair.lit(0.9)), opacity: 0.78 });
  const edge = hair.edge();
  sheet.path(curvePath(edge), { stroke: rgbCss(hair.lit(0.8)), width: face.px(0.05), opacity: 0.25 });
}

function drawStrands(hair: Hair): void {
  const { face, sheet, random, plan } = hair;
  const s = face.head.shape;
  const sweep = face.person.hair === 'swept' || face.person.hair === 'long' ? 1 : 0.2;
  const parting = 0.38;
  for (let strand = 0; strand < plan.strands; strand += 1) {
    const rootAngle = between(random, -1.38, 1.38);
    const rootY = hair.hairline(rootAngle) - between(random, 0, 0.5) * random();
    const direction = rootAngle > parting ? 1 : -1;
    const away = between(random, 0.55, 1);
    const steps = [0, 0.33, 0.66, 1].map((t) => {
      const angle = rootAngle + direction * sweep * t * 0.75 * away + rootAngle * t * 0.25;
      const y = lerp(rootY, Math.max(s.headTop + 0.05, rootY - 0.85), t * away * (1 - 0.45 * sweep * t));
      return hair.over(clamp(angle, -2.6, 2.6), y, lerp(0.012, hair.standOff(y), Math.sqrt(t)));
    });
    const tone = between(random, 0.45, 1.24);
    const grey = random() < s.greying * 0.4 ? 1.35 : tone;
    sheet.path(curvePath(steps), {
      stroke: rgbCss(hair.lit(grey, Math.sin(rootAngle))),
      width: face.px(between(random, 0.015, 0.045)),
      opacity: between(random, 0.4, 0.85),
    });
  }
  const sheen = hair.over(-0.5 + hair.light.fromX * 0.6, lerp(s.hairlineY, s.headTop, 0.55), hair.standOff(-1.3));
  sheet.softSpot(sheen, face.px(0.55), face.px(0.22), hair.lit(1.5), 0.35, -14);
}

function drawCurls(hair: Hair): void {
  const { face, sheet, random } = hair;
  const s = face.head.shape;
  const curls = Array.from({ length: 210 }, () => {
    const angle = between(random, -1.5, 1.5);
    const from = Math.min(hair.hairline(clamp(angle, -1.4, 1.4)), hair.plan.sideY) - 0.08;
    const y = lerp(from, s.headTop, random() ** 0.8);
    const size = between(random, 0.06, 0.12) * (y > hair.plan.sideY - 0.4 ? 0.6 : 1);
    return {
      at: hair.over(angle, y, hair.standOff(y) * between(random, 0.5, 1.15)),
      size,
      tone: between(random, 0.5, 1.12),
      angle,
    };
  }).sort((a, b) => a.at.depth - b.at.depth);
  for (const { at, size, tone, angle } of curls) {
    if (at.depth < -0.6) continue;
    const radius = face.px(size);
    sheet.ellipse(at, radius, radius * 0.9, { fill: rgbCss(hair.lit(tone * 0.85, Math.sin(angle))) });
    const arc = [-2.6, -1.7, -0.8].map((turn) => ({
      x: at.x + Math.cos(turn) * radius * 0.7,
      y: at.y + Math.sin(turn) * radius * 0.65,
    }));
    sheet.path(curvePath(arc), { stroke: rgbCss(hair.lit(tone * 1.25)), width: radius * 0.3, opacity: 0.5 });
  }
}
