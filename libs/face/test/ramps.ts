import type { Frame } from '@understudy/frame';
import { allocateFrame } from '@understudy/frame';

export type Colour = readonly [red: number, green: number, blue: number];

/**
 * Three ramps, each in another direction: however such a picture is scaled, turned and filtered, its colour anywhere is
 * known, and x for y, or one channel for another, gives other numbers.
 */
export const rampAt = (x: number, y: number): Colour => [20 + 0.5 * x, 40 + 0.45 * y, 210 - 0.2 * x - 0.3 * y];

export function rampFrame(width: number, height: number): Frame {
  const frame = allocateFrame({ width, height, format: 'gbrp10le', matrix: 'gbr', range: 'pc' });
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [red, green, blue] = rampAt(x + 0.5, y + 0.5);
      [green, blue, red].forEach((value, plane) => {
        frame.planes[plane]!.samples[y * width + x] = Math.round((value * 1023) / 255);
      });
    }
  }
  return frame;
}

/** A similarity from crop to plate: what a face's scale, roll and place are. */
export interface Pose {
  readonly scale: number;
  readonly roll: number;
  readonly x: number;
  readonly y: number;
}

export function toPlate({ scale, roll, x, y }: Pose, u: number, v: number): [number, number] {
  const [cos, sin] = [scale * Math.cos(roll), scale * Math.sin(roll)];
  return [cos * u - sin * v + x, sin * u + cos * v + y];
}

/** The five points of a face that lies in the plate exactly so that a template's crop of this size has this pose. */
export function posedPoints(template: readonly (readonly [number, number])[], size: number, pose: Pose) {
  const points = template.map(([u, v]) => {
    const [x, y] = toPlate(pose, u * size, v * size);
    return { x, y };
  });
  return [points[0]!, points[1]!, points[2]!, points[3]!, points[4]!] as const;
}
