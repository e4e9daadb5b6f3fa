/** Points of heatmaps, with the mean of their maxima. */
export interface HeatmapPoints {
  /** x and y in turn, in cells of the map. */
  readonly points: Float64Array;
  readonly confidence: number;
}

/**
 * The points that heatmaps show: each map's largest cell, its centre moved by a quarter of a cell toward the higher
 * neighbour on each axis (Newell, Yang and Deng 2016, as FAN reads its maps).
 *
 * @param maps `count` maps of `side` x `side`, row by row
 */
export function decodeHeatmaps(maps: Float32Array, count: number, side: number): HeatmapPoints {
  const points = new Float64Array(2 * count);
  let sum = 0;
  for (let map = 0; map < count; map++) {
    const start = map * side * side;
    let best = start;
    for (let i = start; i < start + side * side; i++) if (maps[i]! > maps[best]!) best = i;
    sum += maps[best]!;
    const x = (best - start) % side;
    const y = Math.floor((best - start) / side);
    const inside = x > 0 && y > 0 && x < side - 1 && y < side - 1;
    const shift = (step: number) => (inside ? 0.25 * Math.sign(maps[best + step]! - maps[best - step]!) : 0);
    points[2 * map] = x + 0.5 + shift(1);
    points[2 * map + 1] = y + 0.5 + shift(side);
  }
  return { points, confidence: sum / count };
}

/** The mean of the maps' maxima: how sure the network is of the face. */
export function meanMaximum(maps: Float32Array, count: number): number {
  const size = maps.length / count;
  let sum = 0;
  for (let map = 0; map < count; map++) {
    let best = -Infinity;
    for (let i = map * size; i < (map + 1) * size; i++) if (maps[i]! > best) best = maps[i]!;
    sum += best;
  }
  return sum / count;
}
