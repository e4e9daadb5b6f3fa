import { createPlane, enlargePlane, type FloatPlane, reducePlane } from './plane.js';

/** V-cycles after which what is left is below a thousandth of the values' spread. */
const CYCLES = 6;
const SWEEPS = 2;
/** On so few samples across, sweeps alone solve it. */
const COARSEST_SIDE = 4;
const COARSEST_SWEEPS = 24;

/**
 * The membrane over known samples: at each of the others the mean of its four neighbours (Laplace's equation), so the
 * smoothest surface that meets the known ones; across the plane's border nothing flows. Solved by V-cycles of multigrid with Gauss-Seidel
 * sweeps (A. Brandt, "Multi-level adaptive solutions to boundary-value problems", Mathematics of Computation 31, 1977). A fixed
 * number of them: the same numbers every time.
 *
 * @param planes of one size; only known samples are read
 * @param known 1 where a sample is given, 0 where it is sought
 * @returns planes whose values lie within the known ones' range, but for what the cycles leave; 0 where nothing is known
 */
export function membrane(planes: readonly FloatPlane[], known: Uint8Array): FloatPlane[] {
  const [first] = planes;
  if (first === undefined) return [];
  const levels = levelsOf(known, first.width, first.height);
  return planes.map((plane) => solved(plane, levels));
}

interface Level {
  readonly width: number;
  readonly height: number;
  readonly known: Uint8Array;
}

/** Each half the one before; where a sample is known, so is what it is reduced to. */
function levelsOf(known: Uint8Array, width: number, height: number): Level[] {
  const levels: Level[] = [{ width, height, known }];
  for (;;) {
    const fine = levels.at(-1)!;
    if (Math.min(fine.width, fine.height) <= COARSEST_SIDE) return levels;
    const coarse = { width: Math.ceil(fine.width / 2), height: Math.ceil(fine.height / 2) };
    const own = new Uint8Array(coarse.width * coarse.height);
    fine.known.forEach((one, i) => {
      if (one === 1) own[(Math.floor(i / fine.width) >> 1) * coarse.width + ((i % fine.width) >> 1)] = 1;
    });
    levels.push({ ...coarse, known: own });
  }
}

function solved(plane: FloatPlane, levels: readonly Level[]): FloatPlane {
  const [{ known }] = levels as [Level, ...Level[]];
  let [sum, count] = [0, 0];
  known.forEach((one, i) => {
    if (one === 0) return;
    sum += plane.data[i]!;
    count += 1;
  });
  const out = createPlane(plane.width, plane.height);
  if (count === 0) return out;
  for (let i = 0; i < out.data.length; i++) out.data[i] = known[i] === 1 ? plane.data[i]! : sum / count;
  const nothing = createPlane(plane.width, plane.height);
  for (let cycle = 0; cycle < CYCLES; cycle++) improve(out, nothing, levels, 0);
  return out;
}

/** One V-cycle: sweeps, a correction from half the size, sweeps. */
function improve(values: FloatPlane, wanted: FloatPlane, levels: readonly Level[], depth: number): void {
  const { known } = levels[depth]!;
  const coarse = levels[depth + 1];
  if (coarse === undefined) {
    for (let i = 0; i < COARSEST_SWEEPS; i++) sweep(values, wanted, known);
    return;
  }
  for (let i = 0; i < SWEEPS; i++) sweep(values, wanted, known);
  const left = reducePlane(residual(values, wanted, known), 2);
  // A sample there stands for four, and its neighbours are twice as far.
  for (let i = 0; i < left.data.length; i++) left.data[i] = coarse.known[i] === 1 ? 0 : 4 * left.data[i]!;
  const correction = createPlane(coarse.width, coarse.height);
  improve(correction, left, levels, depth + 1);
  const { data } = enlargePlane(correction, 2, values.width, values.height);
  for (let i = 0; i < data.length; i++) if (known[i] === 0) values.data[i]! += data[i]!;
  for (let i = 0; i < SWEEPS; i++) sweep(values, wanted, known);
}

/** Each unknown sample becomes what its neighbours and `wanted`, the sum of differences to them, ask for. */
function sweep(values: FloatPlane, { data: wanted }: FloatPlane, known: Uint8Array): void {
  const { width, height, data } = values;
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (known[at] === 1) continue;
      const count = 4 - Number(x === 0) - Number(x === width - 1) - Number(y === 0) - Number(y === height - 1);
      if (count > 0) data[at] = (wanted[at]! + neighbours(values, x, y, at)) / count;
    }
  }
}

function residual(values: FloatPlane, { data: wanted }: FloatPlane, known: Uint8Array): FloatPlane {
  const { width, height, data } = values;
  const out = createPlane(width, height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (known[at] === 1) continue;
      const count = 4 - Number(x === 0) - Number(x === width - 1) - Number(y === 0) - Number(y === height - 1);
      out.data[at] = wanted[at]! + neighbours(values, x, y, at) - count * data[at]!;
    }
  }
  return out;
}

/** Sum of the samples beside one. */
function neighbours({ width, height, data }: FloatPlane, x: number, y: number, at: number): number {
  let sum = 0;
  if (x > 0) sum += data[at - 1]!;
  if (x + 1 < width) sum += data[at + 1]!;
  if (y > 0) sum += data[at - width]!;
  if (y + 1 < height) sum += data[at + width]!;
  return sum;
}
