import type { Glow } from './background.js';
import type { Light } from './lighting.js';
import { NEUTRAL, type Expression, type HeadPose } from './pose.js';
import { between, seededRandom } from './random.js';
import { clamp, smoothstep, type Point2 } from './vector.js';

/** One spoken syllable: the mouth's movement and the tone that goes with it. Times in seconds. */
export interface Syllable {
  readonly startS: number;
  readonly durationS: number;
  readonly open: number;
  readonly round: number;
  readonly pitchHz: number;
}

/** How somebody moves and talks through a clip; a pure function of the time. */
export interface Performance {
  readonly seed: number;
  readonly syllables: readonly Syllable[];
  readonly blinksS: readonly number[];
  readonly yaw: number;
  readonly yawPeriodS: number;
  readonly facing: number;
}

export interface PerformanceOptions {
  readonly seed: number;
  readonly durationS: number;
  /** The voice's lowest pitch. */
  readonly pitchHz: number;
  /** Largest turn either way, degrees. */
  readonly yaw?: number;
  /** Where the face turns to on the whole, degrees. */
  readonly facing?: number;
}

/** Plans phrases of syllables with breaths between, and blinks. */
export function planPerformance(options: PerformanceOptions): Performance {
  const random = seededRandom(options.seed);
  const syllables: Syllable[] = [];
  let at = between(random, 0.15, 0.4);
  while (at < options.durationS - 0.3) {
    const phraseEnd = at + between(random, 1.6, 2.8);
    while (at < phraseEnd && at < options.durationS - 0.3) {
      const durationS = between(random, 0.17, 0.3);
      syllables.push({
        startS: at,
        durationS,
        open: between(random, 0.25, 0.95),
        round: random() < 0.35 ? between(random, 0.4, 1) : between(random, 0, 0.2),
        pitchHz: options.pitchHz * between(random, 1, 1.35),
      });
      at += durationS * between(random, 0.9, 1.15);
    }
    at += between(random, 0.3, 0.65);
  }
  const blinksS: number[] = [];
  for (let blink = between(random, 0.6, 1.8); blink < options.durationS; blink += between(random, 1.8, 3.4))
    blinksS.push(blink);
  return {
    seed: options.seed,
    syllables,
    blinksS,
    yaw: options.yaw ?? 17,
    yawPeriodS: between(random, 3.4, 4.6),
    facing: options.facing ?? 0,
  };
}

/** A slow wander between -1 and 1 that does not repeat within a clip. */
function wander(performance: Performance, channel: number, timeS: number, periodS: number): number {
  const phase = (performance.seed * 0.61803 + channel * 2.39996) % (Math.PI * 2);
  const turn = (2 * Math.PI * timeS) / periodS;
  return 0.68 * Math.sin(turn + phase) + 0.32 * Math.sin(turn * 2.17 + phase * 1.7);
}

export function expressionAt(performance: Performance, timeS: number): Expression {
  let open = 0;
  let round = 0;
  for (const syllable of performance.syllables) {
    const within = (timeS - syllable.startS) / (syllable.durationS * 1.15);
    if (within <= 0 || within >= 1) continue;
    const shape = Math.sin(Math.PI * within) ** 1.3;
    open = Math.max(open, syllable.open * shape);
    round = Math.max(round, syllable.round * smoothstep(0, 0.3, shape));
  }
  const blink = performance.blinksS.reduce((most, at) => Math.max(most, 1 - Math.abs(timeS - at) / 0.11), 0);
  return {
    ...NEUTRAL,
    mouthOpen: open,
    mouthRound: round,
    smile: clamp(0.22 + 0.34 * wander(performance, 4, timeS, 6.3), 0, 0.6),
    blink: smoothstep(0, 0.65, blink),
    gazeX: clamp(wander(performance, 5, timeS, 3.1) * 0.8, -0.9, 0.9),
    gazeY: clamp(wander(performance, 6, timeS, 4.7) * 0.4, -0.5, 0.5),
    browRaise: clamp(0.25 + 0.5 * wander(performance, 7, timeS, 3.7), 0, 1),
  };
}

/** The head's place and turns, about a resting place. */
export function poseAt(performance: Performance, timeS: number, rest: Point2, unitPx: number): HeadPose {
  const lean = wander(performance, 1, timeS, 5.3);
  return {
    x: rest.x + 0.42 * unitPx * lean,
    y: rest.y + 0.12 * unitPx * wander(performance, 2, timeS, 4.1),
    unitPx: unitPx * (1 + 0.025 * wander(performance, 8, timeS, 6.7)),
    yaw: clamp(
      performance.facing + performance.yaw * wander(performance, 0, timeS, performance.yawPeriodS),
      performance.facing - performance.yaw,
      performance.facing + performance.yaw,
    ),
    pitch: 5.5 * wander(performance, 3, timeS, 2.9),
    roll: 3.2 * lean + 2.2 * wander(performance, 9, timeS, 4.4),
  };
}

/** The body follows the head's lean by half. */
export function bodyAt(rest: Point2, pose: HeadPose): Point2 {
  return { x: rest.x + 0.5 * (pose.x - rest.x), y: rest.y + 0.35 * (pose.y - rest.y) };
}

/** The room's slow change of light: the key wanders from left to right and warms, the glow with it. */
export function lightAt(timeS: number): { readonly light: Light; readonly glow: Glow } {
  const swing = Math.sin((2 * Math.PI * timeS) / 11 - 0.9);
  const flicker = 0.5 + 0.5 * Math.sin((2 * Math.PI * timeS) / 4.3);
  return {
    light: {
      fromX: 0.55 * swing,
      fromY: -0.42,
      key: 0.56 + 0.08 * flicker,
      fill: 0.54,
      keyTint: [1.05 + 0.03 * flicker, 1, 0.94 - 0.05 * flicker],
      fillTint: [0.96, 0.99, 1.05],
    },
    glow: { x: 0.5 + 0.42 * swing, y: 0.34, gain: 0.34 + 0.06 * flicker, floor: 0.72 },
  };
}
