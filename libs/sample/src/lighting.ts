import type { Rgb } from './person.js';

/** One soft key light, its colour, and the fill around it. */
export interface Light {
  /** Where the key comes from: -1 left to 1 right, -1 above to 1 below. */
  readonly fromX: number;
  readonly fromY: number;
  /** 0 to about 1.2. */
  readonly key: number;
  readonly fill: number;
  /** Multipliers of red, green, blue. */
  readonly keyTint: readonly [number, number, number];
  readonly fillTint: readonly [number, number, number];
}

export const STUDIO_LIGHT: Light = {
  fromX: -0.45,
  fromY: -0.45,
  key: 0.62,
  fill: 0.56,
  keyTint: [1.06, 1, 0.92],
  fillTint: [0.96, 0.99, 1.06],
};

/** Unit direction toward the key, in picture axes. */
export function keyDirection(light: Light): readonly [number, number, number] {
  const length = Math.hypot(light.fromX, light.fromY, 1);
  return [light.fromX / length, light.fromY / length, 1 / length];
}

/** A tone under the light as seen on a surface whose side faces (x, y); for things that have no relief of their own. */
export function litTone(colour: Rgb, light: Light, x: number, y: number): Rgb {
  const towards = Math.max(0, 0.6 + 0.4 * (x * light.fromX + y * light.fromY));
  const channel = (index: 0 | 1 | 2): number =>
    Math.min(255, colour[index] * (light.fill * light.fillTint[index] + light.key * towards * light.keyTint[index]));
  return [channel(0), channel(1), channel(2)];
}
