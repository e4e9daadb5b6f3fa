import { FIRST, SECOND } from './cast.js';
import type { Casting, SceneOptions } from './scene.js';

const SIZE = { width: 960, height: 540, framesPerSecond: 24, frames: 24 };

function scene(cast: readonly Partial<Casting>[], options: Partial<SceneOptions> = {}): SceneOptions {
  const rest: Casting = { person: FIRST, x: 300, y: 230, unitPx: 56, performanceSeed: 5 };
  return { ...SIZE, ...options, cast: cast.map((casting) => ({ ...rest, ...casting })) };
}

/** One-second scenes that are hard to find faces in, with the truth known all the same. */
export const HARD_SCENES = {
  /** Faces about 48 pixels high. */
  small: scene([
    { unitPx: 18, x: 260, y: 180 },
    { person: SECOND, unitPx: 18, x: 700, y: 190, performanceSeed: 6 },
  ]),
  /** Heads turned about 35 degrees, one each way. */
  turned: scene([
    { facing: 33, yaw: 5, x: 280 },
    { person: SECOND, facing: -33, yaw: 5, x: 680, performanceSeed: 6 },
  ]),
  /** Faces cut by the left and the right edge of the picture. */
  edge: scene([{ x: 28 }, { person: SECOND, x: 936, performanceSeed: 6 }]),
  /** Out of focus. */
  blurred: scene([{ x: 280 }, { person: SECOND, x: 680, performanceSeed: 6 }], { blurPx: 4 }),
} as const satisfies Record<string, SceneOptions>;
