import { z } from 'zod';

/** An exact fraction; `den` is positive. Frame rates and time bases are never floats. */
export const rationalSchema = z.object({ num: z.int(), den: z.int().positive() });
export type Rational = z.infer<typeof rationalSchema>;

export function greatestCommonDivisor(a: number, b: number): number {
  let [x, y] = [Math.abs(a), Math.abs(b)];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}

export function leastCommonMultiple(a: number, b: number): number {
  return (a / greatestCommonDivisor(a, b)) * b;
}

/** The fraction in lowest terms. */
export function rational(num: number, den: number): Rational {
  const divisor = greatestCommonDivisor(num, den) || 1;
  return { num: num / divisor, den: den / divisor };
}

/** Parses ffprobe's `30000/1001` or `4:3`; null for `0/0`, `N/A` and absence. */
export function parseRational(text: string | undefined): Rational | null {
  const match = /^(\d+)[/:](\d+)$/.exec(text ?? '');
  if (!match) return null;
  const [num, den] = [Number(match[1]), Number(match[2])];
  return num > 0 && den > 0 ? rational(num, den) : null;
}

export function rationalText(value: Rational, separator = '/'): string {
  return `${value.num}${separator}${value.den}`;
}

export function sameRational(a: Rational | null, b: Rational | null): boolean {
  if (a === null || b === null) return a === b;
  return a.num * b.den === b.num * a.den;
}

/** Whether `a` ticks of `aBase` and `b` ticks of `bBase` are the same instant, exactly. */
export function sameInstant(a: number, aBase: Rational, b: number, bBase: Rational): boolean {
  return BigInt(a) * BigInt(aBase.num) * BigInt(bBase.den) === BigInt(b) * BigInt(bBase.num) * BigInt(aBase.den);
}
