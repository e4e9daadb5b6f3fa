import { expect, test } from 'vitest';

import { GraphBuilder, dot, openGenerated, unevenWeights } from '../../test/graphs.js';
import { rampAt, rampFrame } from '../../test/ramps.js';
import { decodeHeatmaps } from './decode-heatmaps.js';
import { packLandmarker } from './pack-landmarker.js';

const frame = rampFrame(400, 300);
const BOX = { x: 120, y: 90, width: 90, height: 130 };
/** Plate pixels of one sample of 2dfan4's crop: the longest side of the box spans 195. */
const STEP = 130 / 195;
const LEFT = 165 - 128 * STEP;
const TOP = 155 - 128 * STEP;

/** A crop of 256 samples in the plate. */
interface Crop {
  readonly left: number;
  readonly top: number;
  readonly step: number;
}

/**
 * face-alignment's crop, by its own steps: the middle of the box's corners, raised by 0.12 of its height; a scale of both
 * sides' sum over 195; a square of 200 times the scale around that point.
 */
function faceAlignmentCrop({ x, y, width, height }: typeof BOX): Crop {
  const [x1, y1, x2, y2] = [x, y, x + width, y + height];
  const center = [x2 - (x2 - x1) / 2, y2 - (y2 - y1) / 2 - (y2 - y1) * 0.12] as const;
  const scale = (x2 - x1 + y2 - y1) / 195;
  const h = 200 * scale;
  return { left: center[0] - h / 2, top: center[1] - h / 2, step: h / 256 };
}

/** The quarters' means; the ramps are straight, so these are the colours at their middles. */
function features(
  order: readonly number[],
  { left, top, step }: Crop = { left: LEFT, top: TOP, step: STEP },
): number[] {
  return order.flatMap((channel) =>
    [64, 192].flatMap((v) => [64, 192].map((u) => rampAt(left + u * step, top + v * step)[channel]! / 255)),
  );
}

/** Peaks of 68 maps, none at the border, with the neighbours that the point is pulled to. */
const PEAKS = Array.from({ length: 68 }, (_, i) => ({
  x: 1 + ((i * 7) % 62),
  y: 1 + ((i * 13) % 62),
  right: i % 3 === 0,
  down: i % 2 === 0,
}));

function heatmaps(): Float32Array {
  const maps = new Float32Array(68 * 64 * 64);
  PEAKS.forEach(({ x, y, right, down }, i) => {
    const set = (u: number, v: number, value: number) => (maps[i * 4096 + v * 64 + u] = value);
    set(x, y, 0.8);
    set(x + (right ? 1 : -1), y, 0.5);
    set(x + (right ? -1 : 1), y, 0.3);
    set(x, y + (down ? 1 : -1), 0.6);
    set(x, y + (down ? -1 : 1), 0.1);
  });
  return maps;
}

const GAIN = { index: 0, constant: 1, weights: unevenWeights(5, 12, 0.1) };

function mapsFor(graph: GraphBuilder, quarters: string): string {
  const gain = graph.probe(quarters, 12, [1, 1, 1, 1], [GAIN]);
  return graph.op('Mul', [graph.floats([1, 68, 64, 64], heatmaps()), gain]);
}

test('2dfan4: blue first, points in a grid of 64, confidence from the maps', async () => {
  const graph = new GraphBuilder();
  const quarters = graph.quarters(graph.input('input', [1, 3, 256, 256]), 256);
  const entries = Array.from({ length: 68 * 3 }, (_, index) => ({
    index,
    constant: 10 + (index % 3) * 12 + 0.1 * index,
    weights: unevenWeights(index, 12, 2),
  }));
  graph.output('landmarks_xyscore', graph.probe(quarters, 12, [1, 68, 3], entries), [1, 68, 3]);
  graph.output('heatmaps', mapsFor(graph, quarters), [1, 68, 64, 64]);
  const pack = await openGenerated('2dfan4', graph.model());
  const { landmarks, confidence } = await packLandmarker(pack).locate(frame, BOX);
  await pack.release();
  const means = features([2, 1, 0]);
  for (let i = 0; i < 68; i++) {
    const at = (k: number) => entries[3 * i + k]!.constant + dot(entries[3 * i + k]!.weights, means);
    expect(landmarks[2 * i]).toBeCloseTo(LEFT + 4 * at(0) * STEP, 1);
    expect(landmarks[2 * i + 1]).toBeCloseTo(TOP + 4 * at(1) * STEP, 1);
  }
  expect(confidence).toBeCloseTo(0.8 * (1 + dot(GAIN.weights, means)), 3);
});

test('fan_heatmaps: red first, cropped as face-alignment crops, the peak moved by a quarter of a cell to the higher neighbour', async () => {
  const graph = new GraphBuilder();
  const quarters = graph.quarters(graph.input('input', [1, 3, 256, 256]), 256);
  graph.output('heatmaps', mapsFor(graph, quarters), [1, 68, 64, 64]);
  const pack = await openGenerated('fan_heatmaps', graph.model());
  const { landmarks, confidence } = await packLandmarker(pack).locate(frame, BOX);
  await pack.release();
  const crop = faceAlignmentCrop(BOX);
  PEAKS.forEach(({ x, y, right, down }, i) => {
    const u = x + 0.5 + (right ? 0.25 : -0.25);
    const v = y + 0.5 + (down ? 0.25 : -0.25);
    expect(landmarks[2 * i]).toBeCloseTo(crop.left + 4 * u * crop.step, 3);
    expect(landmarks[2 * i + 1]).toBeCloseTo(crop.top + 4 * v * crop.step, 3);
  });
  expect(confidence).toBeCloseTo(0.8 * (1 + dot(GAIN.weights, features([0, 1, 2], crop))), 3);
});

test('a peak on the border stays in the middle of its cell', () => {
  const maps = new Float32Array(16);
  maps[3] = 1;
  maps[2] = 0.5;
  expect([...decodeHeatmaps(maps, 1, 4).points]).toEqual([3.5, 0.5]);
});
