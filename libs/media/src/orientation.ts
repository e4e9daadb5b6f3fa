/**
 * How coded frames are turned to stand upright. Frames leave this library upright, because faces are looked for
 * upright; the delivery holds upright frames and no rotation tag.
 */
export const ORIENTATIONS = {
  upright: { filter: null, turned: false },
  'rotate-90': { filter: 'transpose=clock', turned: true },
  'rotate-180': { filter: 'hflip,vflip', turned: false },
  'rotate-270': { filter: 'transpose=cclock', turned: true },
  'flip-horizontal': { filter: 'hflip', turned: false },
  'flip-vertical': { filter: 'vflip', turned: false },
  transpose: { filter: 'transpose=cclock_flip', turned: true },
  transverse: { filter: 'transpose=clock_flip', turned: true },
} as const satisfies Record<string, { filter: string | null; turned: boolean }>;

export type Orientation = keyof typeof ORIENTATIONS;
export const ORIENTATION_NAMES = Object.keys(ORIENTATIONS) as [Orientation, ...Orientation[]];

/** Signs of [a b; c d] in the matrix that maps (x, y) to (ax + cy, bx + dy), y pointing down. */
const BY_MATRIX: Readonly<Record<string, Orientation>> = {
  '1,0,0,1': 'upright',
  '0,1,-1,0': 'rotate-90',
  '-1,0,0,-1': 'rotate-180',
  '0,-1,1,0': 'rotate-270',
  '-1,0,0,1': 'flip-horizontal',
  '1,0,0,-1': 'flip-vertical',
  '0,1,1,0': 'transpose',
  '0,-1,-1,0': 'transverse',
};

/**
 * Reads the display matrix as ffprobe prints it: three rows of three numbers in 16.16 fixed point.
 * Null when it is not a turn by quarters or a mirroring.
 */
export function parseDisplayMatrix(text: string): Orientation | null {
  const rows = [...text.matchAll(/^[0-9a-f]{8}:\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)\s*$/gm)];
  if (rows.length !== 3) return null;
  const signs = rows.slice(0, 2).flatMap((row) => [Math.sign(Number(row[1])), Math.sign(Number(row[2]))]);
  return BY_MATRIX[signs.join(',')] ?? null;
}
