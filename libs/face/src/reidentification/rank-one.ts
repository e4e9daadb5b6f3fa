/** One look at somebody: who it is, and what an attacker makes of the picture; null where there is nothing to measure. */
export interface Sighting {
  readonly person: number;
  readonly features: ArrayLike<number> | null;
}

/** Squared distances this near, in parts of the gallery's own spread, are one: then the attacker can only guess between them. */
const TIE = 1e-9;

/**
 * Closed-set identification: for each probe the nearest entry of the gallery names the person.
 *
 * @returns share of the probes that are named rightly. Where entries are equally near, and where a probe shows nothing, the
 * attacker guesses, and the guess counts by its chance of being right.
 */
export function rankOne(gallery: readonly Sighting[], probes: readonly Sighting[]): number {
  const chance = 1 / new Set(gallery.map(({ person }) => person)).size;
  const shown = gallery.filter(({ features }) => features !== null);
  const tie = TIE * spreadOf(shown) + Number.MIN_VALUE;
  let right = 0;
  for (const { person, features } of probes) {
    if (features === null || shown.length === 0) {
      right += chance;
      continue;
    }
    const distances = shown.map((entry) => squaredDistance(features, entry.features!));
    const least = Math.min(...distances);
    const nearest = shown.filter((_, index) => distances[index]! <= least + tie);
    right += nearest.filter((entry) => entry.person === person).length / nearest.length;
  }
  return right / probes.length;
}

function squaredDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}

/** The largest squared length among the entries: what "near" is measured by. */
function spreadOf(entries: readonly Sighting[]): number {
  return Math.max(0, ...entries.map(({ features }) => squaredDistance(features!, new Float64Array(features!.length))));
}

/** A feature that hardly varies at all, in parts of the largest variance, tells nothing and is not enlarged. */
const LEAST_VARIANCE = 1e-6;

/**
 * An eye trained on the gallery: every feature is weighted by how much it differs between the people there over how much it
 * differs between the looks at one of them (Fisher 1936, feature by feature).
 *
 * @returns the weights, to be multiplied with features
 */
export function trainedWeights(gallery: readonly Sighting[]): Float64Array {
  const shown = gallery.filter(({ features }) => features !== null);
  const length = shown[0]?.features?.length ?? 0;
  const people = new Map<number, Sighting[]>();
  for (const entry of shown) people.set(entry.person, [...(people.get(entry.person) ?? []), entry]);
  const within = new Float64Array(length);
  const between = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const all = meanOf(shown, i);
    for (const looks of people.values()) {
      const own = meanOf(looks, i);
      between[i]! += (looks.length * (own - all) ** 2) / shown.length;
      for (const { features } of looks) within[i]! += (features![i]! - own) ** 2 / shown.length;
    }
  }
  const largest = Math.max(0, ...between, ...within);
  return between.map(
    (spread, i) => Math.sqrt(spread) / (within[i]! + LEAST_VARIANCE * largest + Number.MIN_VALUE) ** 0.5,
  );
}

function meanOf(looks: readonly Sighting[], feature: number): number {
  return looks.reduce((sum, { features }) => sum + features![feature]!, 0) / looks.length;
}

/** Sightings as the trained eye sees them. */
export function weighted(sightings: readonly Sighting[], weights: Float64Array): Sighting[] {
  return sightings.map(({ person, features }) => {
    return { person, features: features === null ? null : weights.map((weight, i) => weight * features[i]!) };
  });
}
