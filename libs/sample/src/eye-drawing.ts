import type { PosedHead } from './face-drawing.js';
import { EYE_LINE } from './landmarks.js';
import type { Rgb } from './person.js';
import { blend, curvePath, rgbCss, shade, type SvgSheet } from './svg-sheet.js';
import { centroid, mix2, smoothstep, type Point2 } from './vector.js';

export const INK: Rgb = [38, 22, 20];

/** A lid's edge through its four marked points, rounder toward the corners than a curve through these alone. */
function lidEdge([from, one, two, to]: readonly [Point2, Point2, Point2, Point2]): Point2[] {
  const bulge = (corner: Point2, next: Point2): Point2 => {
    const half = mix2(corner, next, 0.5);
    const middle = mix2(from, to, 0.5);
    const height = mix2(one, two, 0.5);
    return { x: half.x + 0.16 * (height.x - middle.x), y: half.y + 0.16 * (height.y - middle.y) };
  };
  return [from, bulge(from, one), one, two, bulge(to, two), to];
}

/** One eye: sclera, iris, lids, lashes; shut, the lid's skin down to a dark line of lashes. */
export function drawEye(sheet: SvgSheet, face: PosedHead, sign: -1 | 1): void {
  const { person, expression } = face;
  const s = face.head.shape;
  const [a, u1, u2, b, l2, l1] = sign < 0 ? face.marks(36, 37, 38, 39, 40, 41) : face.marks(42, 43, 44, 45, 46, 47);
  if (!a || !u1 || !u2 || !b || !l1 || !l2) throw new RangeError('an eye has six points');
  const skinDark = blend(shade(person.tones.skin, 0.5), [80, 30, 30], 0.3);
  const upper = lidEdge([a, u1, u2, b]);
  const lower = lidEdge([b, l2, l1, a]);
  const lids = `${curvePath(upper)}${curvePath(lower, 'L')}Z`;
  const middle = centroid([a, u1, u2, b, l1, l2]);
  const open = 1 - expression.blink;
  const socket = { x: middle.x, y: middle.y - face.px(0.02) };
  sheet.softSpot(socket, face.px(0.36), face.px(0.2), skinDark, 0.3 * open);
  if (expression.blink > 0.05) drawLoweredLid(sheet, face, sign, upper);
  if (expression.blink < 0.93) {
    const clip = sheet.clip(lids);
    sheet.path(lids, {
      fill: sheet.linear(
        [
          [0, [196, 188, 184], 1],
          [0.5, [240, 236, 232], 1],
          [1, [222, 208, 202], 1],
        ],
        { x: 0, y: 0 },
        { x: 0, y: 1 },
      ),
    });
    const inner = sign < 0 ? b : a;
    sheet.softSpot(inner, face.px(0.05), face.px(0.04), [196, 110, 100], 0.8, 0, clip);
    drawIris(sheet, face, sign, clip);
    const shadowed = upper.map((point) => ({ x: point.x, y: point.y + face.px(0.01) }));
    sheet.path(curvePath(shadowed), { stroke: rgbCss(INK), width: face.px(0.045), opacity: 0.3, clip });
  }
  const lash = face.px(0.022 + 0.014 * s.lashes);
  sheet.path(curvePath(upper), { stroke: rgbCss(INK), width: lash, opacity: 0.9 });
  // The lashes of both lids lie on each other while the eye is shut.
  const doubled = lash + face.px(0.034 * expression.blink);
  sheet.path(curvePath(upper.slice(1, -1)), { stroke: rgbCss(INK), width: doubled, opacity: 0.8 * expression.blink });
  sheet.path(curvePath(lower), { stroke: rgbCss(skinDark), width: face.px(0.014), opacity: 0.65 });
  if (expression.blink > 0.05) drawLashes(sheet, face, upper);
  drawLidFolds(sheet, face, sign, skinDark);
}

/** The skin of the upper lid, rounded over the eyeball and lit from above, from the fold down to the lid's edge. */
function drawLoweredLid(sheet: SvgSheet, face: PosedHead, sign: -1 | 1, edge: readonly Point2[]): void {
  const s = face.head.shape;
  const { skin } = face.person.tones;
  const fold = [1, 0.5, 0, -0.5, -1].map((t) =>
    face.place(sign * s.eyeOffset + t * s.eyeHalf, EYE_LINE - s.eyeOpening * 0.57 - 0.04 + 0.06 * t * t),
  );
  const lid = `${curvePath(edge)}${curvePath(fold, 'L')}Z`;
  const fill = sheet.linear(
    [
      [0, shade(skin, 0.94), 1],
      [0.6, shade(skin, 0.96), 1],
      [1, shade(skin, 0.8), 1],
    ],
    { x: 0, y: 0 },
    { x: 0, y: 1 },
  );
  sheet.path(lid, { fill, opacity: smoothstep(0.05, 0.4, face.expression.blink) });
}

/** Lashes point down and out while the lid is down. */
function drawLashes(sheet: SvgSheet, face: PosedHead, edge: readonly Point2[]): void {
  const opacity = 0.8 * face.expression.blink;
  const [first, last] = [edge[0], edge[edge.length - 1]];
  if (!first || !last) return;
  const middleX = (first.x + last.x) / 2;
  const reach = face.px(0.015 + 0.02 * face.head.shape.lashes);
  for (let hair = 1; hair < 12; hair += 1) {
    const position = (hair / 12) * (edge.length - 1);
    const index = Math.floor(position);
    const root = mix2(edge[index] ?? first, edge[index + 1] ?? last, position - index);
    const tip = { x: root.x + 0.25 * (root.x - middleX) * (reach / face.px(0.05)), y: root.y + reach };
    sheet.path(curvePath([root, tip]), { stroke: rgbCss(INK), width: face.px(0.012), opacity });
  }
}

function drawIris(sheet: SvgSheet, face: PosedHead, sign: -1 | 1, clip: string): void {
  const s = face.head.shape;
  const { gazeX, gazeY } = face.expression;
  const { iris } = face.person.tones;
  const centre = face.project(head3(face, sign * s.eyeOffset + 0.085 * gazeX, EYE_LINE - 0.012 + 0.045 * gazeY));
  const radius = face.px(s.irisRadius);
  const squeeze = Math.cos(((face.pose.yaw + 12 * gazeX) * Math.PI) / 180);
  const fill = sheet.radial([
    [0, shade(iris, 1.25), 1],
    [0.55, iris, 1],
    [0.85, shade(iris, 0.62), 1],
    [1, shade(iris, 0.28), 1],
  ]);
  sheet.ellipse(centre, radius * squeeze, radius, { fill, clip });
  sheet.ellipse(centre, radius * 0.44 * squeeze, radius * 0.44, { fill: rgbCss([12, 9, 10]), clip });
  sheet.ellipse({ x: centre.x - radius * 0.34, y: centre.y - radius * 0.36 }, radius * 0.2, radius * 0.2, {
    fill: 'rgb(255,255,255)',
    opacity: 0.95,
    clip,
  });
  sheet.ellipse({ x: centre.x + radius * 0.36, y: centre.y + radius * 0.34 }, radius * 0.1, radius * 0.1, {
    fill: 'rgb(255,255,255)',
    opacity: 0.4,
    clip,
  });
}

const head3 = (face: PosedHead, x: number, y: number): { x: number; y: number; z: number } =>
  face.head.surface(x, y, 0.02);

function drawLidFolds(sheet: SvgSheet, face: PosedHead, sign: -1 | 1, colour: Rgb): void {
  const s = face.head.shape;
  const fold = (height: number, reach: number): Point2[] =>
    [-0.95, -0.4, 0.2, 0.75, 1.05].map((t) =>
      face.place(sign * (s.eyeOffset + t * s.eyeHalf * reach), height + 0.05 * Math.abs(t - 0.05) ** 2),
    );
  const upper =
    EYE_LINE - s.eyeOpening * 0.57 - 0.055 - 0.02 * face.expression.browRaise + 0.02 * face.expression.blink;
  const opacity = 0.6 * (1 - face.expression.blink);
  sheet.path(curvePath(fold(upper, 0.95)), { stroke: rgbCss(colour), width: face.px(0.018), opacity });
  if (s.eyeBags > 0.05) {
    const bag = [-0.8, -0.3, 0.2, 0.7].map((t) =>
      face.place(sign * (s.eyeOffset + t * s.eyeHalf), EYE_LINE + s.eyeOpening * 0.43 + 0.1 - 0.05 * Math.abs(t) ** 2),
    );
    sheet.path(curvePath(bag), { stroke: rgbCss(colour), width: face.px(0.022), opacity: 0.5 * s.eyeBags });
  }
}
