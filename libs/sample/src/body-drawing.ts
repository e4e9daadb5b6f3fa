import type { PosedHead } from './face-drawing.js';
import { litTone, type Light } from './lighting.js';
import { blend, curvePath, loopPath, rgbCss, shade, type SvgSheet } from './svg-sheet.js';
import { lerp, type Point2 } from './vector.js';

/** Soft folds of the cloth: place, lean in degrees, half width. */
const FOLDS = [
  [-1.75, 3.7, 18, 0.2],
  [1.8, 3.7, -18, 0.2],
  [-1.0, 4.5, 10, 0.26],
  [1.05, 4.6, -12, 0.26],
  [0.1, 4.9, 3, 0.22],
] as const;

/** Raises the shoulders to where the neck of this head ends, head units. */
const NECK_TUCK = 0.22;

/** Neck, shoulders and clothes. They follow the head's place, not its turns. */
export function drawBody(sheet: SvgSheet, face: PosedHead, light: Light, anchor: Point2): void {
  const { tones, clothing } = face.person;
  const u = face.pose.unitPx;
  const at = (x: number, y: number): Point2 => ({ x: anchor.x + x * u, y: anchor.y + (y - NECK_TUCK) * u });
  drawNeck(sheet, face, light, at);
  const cloth = (factor: number, x: number): readonly [number, number, number] =>
    litTone(shade(tones.cloth, factor), light, x, -0.4);
  const neckline = { crew: 2.42, collar: 2.34, scoop: 2.78 }[clothing];
  const shoulders = [at(-3.1, 5.6), at(-2.75, 4.1), at(-2.25, 3.25), at(-1.4, 2.72), at(-0.78, 2.36)];
  const right = [at(0.78, 2.36), at(1.4, 2.72), at(2.25, 3.25), at(2.75, 4.1), at(3.1, 5.6)];
  const dip = [at(-0.5, lerp(2.36, neckline, 0.75)), at(0, neckline + 0.12), at(0.5, lerp(2.36, neckline, 0.75))];
  const outline = `${curvePath([...shoulders, ...dip, ...right])}L${at(3.1, 60).x} ${at(0, 60).y}L${at(-3.1, 60).x} ${at(0, 60).y}Z`;
  const fill = sheet.linear(
    [
      [0, cloth(1, -1), 1],
      [0.5, cloth(0.9, 0), 1],
      [1, cloth(0.8, 1), 1],
    ],
    at(-2.8, 0),
    at(2.8, 0),
    true,
  );
  sheet.path(outline, { fill });
  const clip = sheet.clip(outline);
  sheet.softSpot(at(0, 3.0), 1.6 * u, 0.75 * u, shade(tones.cloth, 0.3), 0.32, 0, clip);
  for (const [x, y, lean, wide] of FOLDS) {
    const dark = at(x, y);
    sheet.softSpot(dark, wide * u, 1.5 * u, cloth(0.5, x), 0.34, lean, clip);
    sheet.softSpot(
      { x: dark.x + wide * 0.9 * u, y: dark.y - 0.1 * u },
      wide * 0.7 * u,
      1.3 * u,
      cloth(1.2, x),
      0.3,
      lean,
      clip,
    );
  }
  if (clothing === 'collar') {
    drawCollar(sheet, face, light, at);
    return;
  }
  const seam = [at(-0.78, 2.36), ...dip, at(0.78, 2.36)];
  sheet.path(curvePath(seam), { stroke: rgbCss(litTone(tones.trim, light, 0, -0.5)), width: 0.13 * u });
}

function drawNeck(sheet: SvgSheet, face: PosedHead, light: Light, at: (x: number, y: number) => Point2): void {
  const { skin } = face.person.tones;
  const half = face.head.shape.jawHalf * 0.74;
  const throat = (x: number): Point2 => face.project({ x: x * half, y: 1.0, z: -0.95 });
  const neck = [
    throat(-1),
    at(-half * 0.98, 1.9),
    at(-half * 1.06, 2.25),
    at(-0.9, 2.75),
    at(0, 3.6),
    at(0.9, 2.75),
    at(half * 1.06, 2.25),
    at(half * 0.98, 1.9),
    throat(1),
  ];
  const tone = (factor: number, x: number): readonly [number, number, number] =>
    litTone(shade(skin, factor), light, x, 0);
  const fill = sheet.linear(
    [
      [0, tone(0.8, -1), 1],
      [0.5, tone(0.94, 0), 1],
      [1, tone(0.74, 1), 1],
    ],
    at(-half, 0),
    at(half, 0),
    true,
  );
  const path = loopPath(neck);
  sheet.path(path, { fill });
  const clip = sheet.clip(path);
  const chin = face.mark(8);
  const shadow = blend(shade(skin, 0.3), [70, 24, 30], 0.4);
  const u = face.pose.unitPx;
  sheet.softSpot({ x: chin.x, y: chin.y - 0.15 * u }, 1.15 * u, 0.85 * u, shadow, 0.75, 0, clip);
  sheet.softSpot({ x: chin.x, y: chin.y - 0.1 * u }, 0.8 * u, 0.4 * u, shadow, 0.55, 0, clip);
  // The jaw's own shadow, darkest right under its edge.
  for (const below of [0.05, 0.1, 0.17, 0.26]) {
    const fallen = face.outline().map(({ x, y }) => ({ x, y: y + below * u }));
    sheet.path(loopPath(fallen), { fill: rgbCss(shadow), opacity: 0.2, clip });
  }
  for (const sign of [-1, 1]) {
    sheet.path(curvePath([at(sign * half * 0.8, 1.9), at(sign * 0.4, 2.4), at(sign * 0.16, 2.68)]), {
      stroke: rgbCss(shade(skin, 0.6)),
      width: 0.09 * u,
      opacity: 0.22,
      clip,
    });
    sheet.path(curvePath([at(sign * 0.16, 2.66), at(sign * 0.7, 2.6), at(sign * 1.3, 2.56)]), {
      stroke: rgbCss(shade(skin, 0.6)),
      width: 0.07 * u,
      opacity: 0.25,
      clip,
    });
  }
}

function drawCollar(sheet: SvgSheet, face: PosedHead, light: Light, at: (x: number, y: number) => Point2): void {
  const u = face.pose.unitPx;
  const tone = rgbCss(litTone(face.person.tones.trim, light, 0, -0.6));
  for (const sign of [-1, 1]) {
    const flap = `${curvePath([at(sign * 0.82, 2.22), at(sign * 0.95, 2.75), at(sign * 0.5, 3.15)])}L${at(sign * 0.04, 2.62).x} ${at(0, 2.62).y}Z`;
    sheet.path(flap, { fill: tone });
    sheet.path(flap, { stroke: rgbCss(shade(face.person.tones.trim, 0.55)), width: 0.025 * u, opacity: 0.5 });
  }
  sheet.path(curvePath([at(0.02, 2.7), at(0.03, 4), at(0, 6)]), {
    stroke: rgbCss(shade(face.person.tones.cloth, 0.5)),
    width: 0.03 * u,
    opacity: 0.6,
  });
}
