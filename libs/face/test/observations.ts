import type { FaceObservation } from '@understudy/contracts';

import { encodeEmbedding } from '../src/identity/embedding-text.js';
import { normalise } from '../src/identity/cosine.js';

const arc = (from: number, to: number, count: number, cx: number, cy: number, rx: number, ry: number) =>
  Array.from({ length: count }, (_, i) => {
    const t = ((from + ((to - from) * i) / Math.max(1, count - 1)) * Math.PI) / 180;
    return [cx + rx * Math.cos(t), cy + ry * Math.sin(t)];
  }).flat();

/** 68 points of a face of size 1 around (0, 0); `mouth` opens the lips by that much. */
export function shape(mouth = 0): number[] {
  return [
    ...arc(180, 0, 17, 0, -0.1, 0.5, 0.62),
    ...arc(200, 340, 5, -0.24, -0.2, 0.14, 0.08),
    ...arc(200, 340, 5, 0.24, -0.2, 0.14, 0.08),
    0,
    -0.12,
    0,
    -0.05,
    0,
    0.02,
    0,
    0.09,
    ...arc(160, 20, 5, 0, 0.1, 0.1, 0.04),
    ...eye(-0.22),
    ...eye(0.22),
    ...arc(180, 360, 7, 0, 0.28, 0.2, 0.05),
    ...arc(30, 150, 5, 0, 0.28 + mouth / 2, 0.18, 0.06),
    ...innerLip(1, mouth),
    ...innerLip(-1, mouth),
  ];
}

/** Points 60 to 63 (side 1) or 64 to 67 (side -1). */
function innerLip(side: 1 | -1, mouth: number): number[] {
  const y = 0.28 - side * (0.01 + mouth / 2);
  return [-0.15 * side, 0.28, -0.06 * side, y, 0, y, 0.06 * side, y];
}

function eye(x: number): number[] {
  return [x - 0.08, -0.1, x - 0.03, -0.13, x + 0.03, -0.13, x + 0.08, -0.1, x + 0.03, -0.07, x - 0.03, -0.07];
}

/** A repeatable generator of numbers in 0..1 (a linear congruence is even enough for test noise). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A unit vector that stands for a person; two persons' are all but orthogonal. */
export function person(seed: number): Float32Array {
  const next = random(seed * 7919);
  return normalise(Float32Array.from({ length: 512 }, () => next() - 0.5));
}

export interface Seen {
  readonly x: number;
  readonly y: number;
  readonly size?: number;
  readonly mouth?: number;
  readonly who?: Float32Array;
  readonly score?: number;
  readonly spread?: number;
  /** Adds noise to each coordinate. */
  readonly jitter?: () => number;
}

export function observe(frame: number, seen: Seen): FaceObservation {
  const { x, y, size = 100, mouth = 0, score = 0.98, spread = 0.018, jitter = () => 0 } = seen;
  const landmarks = shape(mouth).map((value, i) => value * size + (i % 2 === 0 ? x : y) + jitter());
  return {
    frame,
    box: { x: x - size / 2, y: y - size * 0.7, width: size, height: size * 1.3 },
    score,
    spread,
    landmarks,
    ...(seen.who === undefined || frame % 6 !== 0 ? {} : { embedding: encodeEmbedding(seen.who) }),
  };
}
