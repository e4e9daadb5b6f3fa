import type { PosedHead } from './face-drawing.js';
import { curvePath, loopPath, rgbCss, type SvgSheet } from './svg-sheet.js';
import type { Point2 } from './vector.js';

/** Round-cornered spectacles a little in front of the face, with temples to the ears and a faint reflection. */
export function drawGlasses(sheet: SvgSheet, face: PosedHead): void {
  const s = face.head.shape;
  const plane = 0.2;
  const rim = rgbCss([44, 36, 34]);
  const width = face.px(0.045);
  for (const sign of [-1, 1] as const) {
    const centreX = s.eyeOffset * 1.03;
    const at = (x: number, y: number): Point2 =>
      face.project({ x: sign * (centreX + x), y: 0.05 + y, z: plane - 0.12 * (centreX + x) ** 2 });
    const lens = Array.from({ length: 16 }, (_, index) => {
      const turn = (index / 16) * Math.PI * 2;
      const [c, n] = [Math.cos(turn), Math.sin(turn)];
      return at(0.37 * Math.sign(c) * Math.abs(c) ** 0.72, 0.27 * Math.sign(n) * Math.abs(n) ** 0.72);
    });
    const path = loopPath(lens);
    const glare = sheet.linear(
      [
        [0, [255, 255, 255], 0.16],
        [0.4, [255, 255, 255], 0.03],
        [1, [255, 255, 255], 0.08],
      ],
      { x: 0, y: 0 },
      { x: 1, y: 1 },
    );
    sheet.path(path, { fill: glare });
    sheet.path(path, { stroke: rim, width });
    const ring = face.head.ringAt(-0.05);
    const temple = [at(0.37, -0.08), face.project({ x: sign * ring.half * 1.03, y: -0.06, z: ring.side + 0.25 })];
    if (sign * ((temple[1]?.x ?? 0) - (temple[0]?.x ?? 0)) > 0)
      sheet.path(curvePath(temple), { stroke: rim, width: width * 0.9 });
  }
  const bridge = [-0.15, -0.05, 0.05, 0.15].map((x) =>
    face.project({ x, y: 0.0 - 0.03 * Math.cos(x * 10), z: plane + 0.16 }),
  );
  sheet.path(curvePath(bridge), { stroke: rim, width });
}
