import { drawEye, INK } from './eye-drawing.js';
import { Head, JAW_DROP } from './head.js';
import { outlinePoint, projectLandmarks } from './landmarks.js';
import type { Person } from './person.js';
import { projector, type Expression, type HeadPose, type Projected, type Projector } from './pose.js';
import { blend, curvePath, loopPath, rgbCss, shade, type SvgSheet } from './svg-sheet.js';
import { between, seededRandom } from './random.js';
import { clamp, lerp, mix2, type Point2 } from './vector.js';

/** One performer in one frame, ready to be drawn: the solid head, its projection and its 68 points. */
export class PosedHead {
  readonly head: Head;
  readonly project: Projector;
  readonly landmarks: readonly Point2[];

  constructor(
    readonly person: Person,
    readonly pose: HeadPose,
    readonly expression: Expression,
    head?: Head,
  ) {
    this.head = head ?? new Head(person);
    this.project = projector(pose);
    this.landmarks = projectLandmarks(this.head, expression, this.project, pose.yaw);
  }

  /** Pixels of a length in head units. */
  px(units: number): number {
    return units * this.pose.unitPx;
  }

  mark(index: number): Point2 {
    const point = this.landmarks[index];
    if (!point) throw new RangeError(`no landmark ${index}`);
    return point;
  }

  marks(...indices: readonly number[]): Point2[] {
    return indices.map((index) => this.mark(index));
  }

  /** A place on the face's surface, moved with the jaw. */
  place(x: number, y: number, lift = 0): Projected {
    return this.project(this.head.dropJaw(this.head.surface(x, y, lift), this.expression));
  }

  /** The outermost places of both ears. */
  earTips(): Point2[] {
    return ([-1, 1] as const).flatMap((sign) => EAR_RIM.map(([along, out]) => this.ear(sign, along, out)));
  }

  /** A place of an ear: how far down it, and how far out from the head. */
  ear(sign: -1 | 1, along: number, out: number): Point2 {
    const y = lerp(-0.2, 0.52, along);
    const ring = this.head.ringAt(y);
    return this.project({ x: sign * (ring.half * 0.95 + out), y, z: ring.side - 0.02 - out * 1.1 });
  }

  /** Where the forehead ends above. */
  foreheadEdge(): Point2[] {
    return [-0.5, 0, 0.5].map((x) => this.place(x, this.head.shape.hairlineY));
  }

  /** The outline below the ears. */
  lowerOutline(): Point2[] {
    const lower = this.head.rings.filter((ring, index) => index % 4 === 0 && ring.y > 0);
    return ([-1, 1] as const).flatMap((sign) =>
      lower.map((ring) => outlinePoint(this.head, this.expression, this.project, ring.y, sign)),
    );
  }

  /** The outline of skull and face as seen, from the left temple over the crown and down round the chin. */
  outline(): Point2[] {
    const rings = this.head.rings.filter((_, index) => index % 4 === 0);
    const edge = (sign: 1 | -1): Point2[] =>
      rings.map((ring) => outlinePoint(this.head, this.expression, this.project, ring.y, sign));
    return [...edge(-1).reverse(), ...edge(1).slice(1, -1)];
  }
}

/** Round an ear from its top: (down, out). */
const EAR_RIM = [
  [0.02, 0.02],
  [-0.02, 0.14],
  [0.14, 0.26],
  [0.4, 0.25],
  [0.66, 0.17],
  [0.86, 0.15],
  [1, 0.08],
  [0.92, 0],
] as const;

/** Everything lit as skin: ears, head, eyes, brows, nose, lips. */
export function drawFace(sheet: SvgSheet, face: PosedHead): void {
  drawEars(sheet, face);
  sheet.path(loopPath(face.outline()), { fill: rgbCss(face.person.tones.skin) });
  drawNose(sheet, face);
  drawMouth(sheet, face);
  drawEye(sheet, face, -1);
  drawEye(sheet, face, 1);
  drawBrow(sheet, face, -1);
  drawBrow(sheet, face, 1);
}

function drawEars(sheet: SvgSheet, face: PosedHead): void {
  const { skin } = face.person.tones;
  for (const sign of [-1, 1] as const) {
    const ear = (along: number, out: number): Point2 => face.ear(sign, along, out);
    const rim = EAR_RIM.map(([along, out]) => ear(along, out));
    sheet.path(loopPath(rim), { fill: rgbCss(blend(shade(skin, 0.9), [190, 80, 60], 0.12)) });
    const inner = [ear(0.14, 0.1), ear(0.18, 0.19), ear(0.42, 0.18), ear(0.64, 0.1)];
    sheet.path(curvePath(inner), { stroke: rgbCss(shade(skin, 0.6)), width: face.px(0.035), opacity: 0.6 });
    sheet.softSpot(ear(0.5, 0.08), face.px(0.09), face.px(0.13), shade(skin, 0.45), 0.6);
  }
}

function drawNose(sheet: SvgSheet, face: PosedHead): void {
  const s = face.head.shape;
  const { skin } = face.person.tones;
  const dark = blend(shade(skin, 0.42), [90, 30, 25], 0.35);
  const base = face.mark(33);
  sheet.softSpot({ x: base.x, y: base.y + face.px(0.06) }, face.px(s.noseHalf * 1.15), face.px(0.1), dark, 0.32);
  for (const sign of [-1, 1] as const) {
    const nostril = face.place(sign * s.noseHalf * 0.48, s.noseBaseY - 0.05, -0.02);
    sheet.ellipse(
      nostril,
      face.px(s.noseHalf * 0.27),
      face.px(0.036),
      { fill: rgbCss(dark), opacity: 0.85 },
      sign * 18,
    );
    const wing = [
      face.place(sign * s.noseHalf * 0.78, s.noseBaseY - 0.2, -0.03),
      face.place(sign * s.noseHalf * 1.02, s.noseBaseY - 0.12, -0.02),
      face.place(sign * s.noseHalf * 0.96, s.noseBaseY - 0.03, -0.02),
      face.place(sign * s.noseHalf * 0.68, s.noseBaseY - 0.015, -0.02),
    ];
    sheet.path(curvePath(wing), { stroke: rgbCss(dark), width: face.px(0.024), opacity: 0.3 + 0.2 * s.wrinkles });
  }
  const under = face.marks(32, 33, 34).map((point) => ({ x: point.x, y: point.y - face.px(0.01) }));
  sheet.path(curvePath(under), { stroke: rgbCss(dark), width: face.px(0.024), opacity: 0.3 });
}

function drawMouth(sheet: SvgSheet, face: PosedHead): void {
  const { lips, skin } = face.person.tones;
  const outerTop = face.marks(48, 49, 50, 51, 52, 53, 54);
  const outerBottom = face.marks(54, 55, 56, 57, 58, 59, 48);
  const innerTop = face.marks(60, 61, 62, 63, 64);
  const innerBottom = face.marks(64, 65, 66, 67, 60);
  const upper = `${curvePath(outerTop)}${curvePath([...innerTop].reverse(), 'L')}Z`;
  const lower = `${curvePath(outerBottom)}${curvePath([...innerBottom].reverse(), 'L')}Z`;
  const inside = `${curvePath(innerTop)}${curvePath(innerBottom, 'L')}Z`;
  drawInnerMouth(sheet, face, inside);
  const ends = { from: face.mark(51), to: face.mark(62) };
  const fillUpper = sheet.linear(
    [
      [0, shade(lips, 0.92), 1],
      [1, shade(lips, 0.72), 1],
    ],
    ends.from,
    ends.to,
    true,
  );
  const low = { from: face.mark(66), to: face.mark(57) };
  const fillLower = sheet.linear(
    [
      [0, shade(lips, 0.92), 1],
      [0.45, shade(lips, 1.1), 1],
      [1, shade(lips, 0.84), 1],
    ],
    low.from,
    low.to,
    true,
  );
  sheet.path(lower, { fill: fillLower });
  sheet.path(upper, { fill: fillUpper });
  const glint = mix2(face.mark(66), face.mark(57), 0.42);
  sheet.softSpot({ x: glint.x - face.px(0.07), y: glint.y }, face.px(0.11), face.px(0.03), [255, 235, 225], 0.5);
  const seam = rgbCss(blend(shade(lips, 0.3), INK, 0.4));
  sheet.path(curvePath([face.mark(48), ...innerTop, face.mark(54)]), {
    stroke: seam,
    width: face.px(0.024),
    opacity: 0.85,
  });
  for (const corner of [face.mark(48), face.mark(54)]) {
    sheet.softSpot(corner, face.px(0.06), face.px(0.05), shade(skin, 0.4), 0.5);
  }
  const rim = rgbCss(shade(lips, 0.62));
  sheet.path(curvePath(outerTop), { stroke: rim, width: face.px(0.014), opacity: 0.45 });
  sheet.path(curvePath(outerBottom), { stroke: rim, width: face.px(0.016), opacity: 0.4 });
}

function drawInnerMouth(sheet: SvgSheet, face: PosedHead, inside: string): void {
  const open = face.expression.mouthOpen;
  if (open < 0.02) return;
  const clip = sheet.clip(inside);
  sheet.path(inside, { fill: rgbCss([30, 9, 12]) });
  const gap = face.px(open * JAW_DROP);
  const width = Math.abs(face.mark(64).x - face.mark(60).x);
  const bottom = face.mark(66);
  sheet.softSpot({ x: bottom.x, y: bottom.y + gap * 0.12 }, width * 0.34, gap * 0.4, [128, 50, 52], 0.8, 0, clip);
  const top = face.mark(62);
  // The upper teeth belong to the skull: they stay while the jaw drops, in the upper lip's shadow.
  const teeth = gap * 0.7;
  sheet.ellipse({ x: top.x, y: top.y - face.px(0.03) }, width * 0.42, teeth + face.px(0.03), {
    fill: rgbCss([232, 224, 214]),
    clip,
  });
  sheet.softSpot({ x: top.x, y: top.y }, width * 0.5, face.px(0.03), [50, 20, 22], 0.5, 0, clip);
}

function drawBrow(sheet: SvgSheet, face: PosedHead, sign: -1 | 1): void {
  const s = face.head.shape;
  const ridge = sign < 0 ? face.marks(21, 20, 19, 18, 17) : face.marks(22, 23, 24, 25, 26);
  const colour = blend(face.person.tones.brows, [150, 148, 145], s.greying * 0.8);
  const thickness = (t: number): number => face.px(s.browThickness) * (0.8 + 0.45 * t - 1.05 * t ** 2.4);
  // The marked points run along the upper part of a brow.
  const edge = (share: number): Point2[] =>
    ridge.map((point, index) => ({ x: point.x, y: point.y + thickness(index / 4) * share }));
  const [upper, lower] = [edge(-0.22), edge(0.78)];
  const shape = `${curvePath(upper)}${curvePath([...lower].reverse(), 'L')}Z`;
  sheet.path(shape, { fill: rgbCss(colour), opacity: 0.55 });
  const random = seededRandom(face.person.seed + 17 * sign);
  const along = (points: readonly Point2[], t: number): Point2 => {
    const position = clamp(t, 0, 1) * 4;
    const index = Math.min(3, Math.floor(position));
    return mix2(points[index] ?? upper[0]!, points[index + 1] ?? upper[4]!, position - index);
  };
  for (let hair = 0; hair < 46; hair += 1) {
    const t = hair / 45;
    const root = mix2(along(upper, t), along(lower, t), between(random, 0.45, 1));
    const tip = mix2(along(upper, t + 0.1), along(lower, t + 0.1), between(random, -0.1, 0.45) + 0.25 * t);
    const bend = mix2(mix2(root, tip, 0.5), along(upper, t), 0.18);
    sheet.path(curvePath([root, bend, tip]), {
      stroke: rgbCss(shade(colour, between(random, 0.62, 1))),
      width: face.px(0.013),
      opacity: 0.75,
    });
  }
}
