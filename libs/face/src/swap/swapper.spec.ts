import type { ModelContract } from '@understudy/contracts';
import { applyAffine } from '@understudy/frame';
import { catalogueRow, floatTensor } from '@understudy/inference';
import { expect, test } from 'vitest';

import { GraphBuilder, dot, openGenerated, unevenWeights } from '../../test/graphs.js';
import type { Colour, Pose } from '../../test/ramps.js';
import { posedPoints, rampAt, rampFrame, toPlate } from '../../test/ramps.js';
import { packDfm } from './dfm.js';
import type { RawEmbedding } from './recogniser.js';
import { packRecogniser } from './recogniser.js';
import type { SwappedFace } from './swapped-face.js';
import { packSwapper } from './swapper.js';

const frame = rampFrame(400, 300);

/** Typed anew from the models' sources, so that a slip in the code's own table is seen. */
const TEMPLATES = {
  v1: [
    [0.35473214, 0.45658929],
    [0.64526786, 0.45658929],
    [0.5, 0.61154464],
    [0.37913393, 0.776875],
    [0.62086607, 0.776875],
  ],
  v2: [
    [0.34191607, 0.46157411],
    [0.65653393, 0.45983393],
    [0.500225, 0.64050536],
    [0.37097589, 0.82469196],
    [0.63151696, 0.82325089],
  ],
  v128: [
    [0.36167656, 0.40387734],
    [0.63696719, 0.40235469],
    [0.50019687, 0.56044219],
    [0.38710391, 0.72160547],
    [0.61507734, 0.72034453],
  ],
  ffhq: [
    [0.37691676, 0.46864664],
    [0.62285697, 0.46912813],
    [0.50123859, 0.61331904],
    [0.39308822, 0.725411],
    [0.61150205, 0.72490465],
  ],
  mtcnn: [
    [0.36562865, 0.46733799],
    [0.63305391, 0.46585885],
    [0.50019127, 0.61942959],
    [0.39032951, 0.77598822],
    [0.61178945, 0.77476328],
  ],
  dfl: [
    [0.35342266, 0.39285716],
    [0.62797622, 0.39285716],
    [0.48660713, 0.5401786],
    [0.38839287, 0.68750011],
    [0.59821427, 0.68750011],
  ],
} satisfies Record<string, [number, number][]>;
type Template = keyof typeof TEMPLATES;

/** A crop of this size that covers about 150 plate pixels around the frame's middle, turned by 14 degrees. */
const poseOf = (size: number): Pose => ({ scale: 150 / size, roll: 0.25, x: 140, y: 70 });

const MATRIX = [
  [0.6, 0.25, -0.1],
  [-0.15, 0.7, 0.2],
  [0.1, -0.2, 0.8],
] as const;

const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const UNIT = { mean: [0, 0, 0], std: [1, 1, 1] };
const HALF = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

const clamp = (value: number) => Math.min(255, Math.max(0, value));

/** What the mixing graph must give at one place of the crop: an independent reference, from the ramps alone. */
function expectedAt(
  u: number,
  v: number,
  size: number,
  input: typeof UNIT,
  output: typeof UNIT,
  bias: readonly number[],
) {
  const [x, y] = toPlate(poseOf(size), u + 0.5, v + 0.5);
  const normal = rampAt(x, y).map((sample, c) => (sample / 255 - input.mean[c]!) / input.std[c]!);
  return MATRIX.map((row, c) => clamp(255 * ((dot(row, normal) + bias[c]!) * output.std[c]! + output.mean[c]!)));
}

function expectFace(face: SwappedFace, size: number, expected: (u: number, v: number) => number[]): void {
  expect(face.size).toBe(size);
  for (const [s, t] of [
    [0.2, 0.3],
    [0.8, 0.25],
    [0.5, 0.5],
    [0.3, 0.8],
    [0.9, 0.9],
  ] as const) {
    const [u, v] = [Math.floor(s * size), Math.floor(t * size)];
    // Where the crop lies in the plate, to a fiftieth of a sample: a template that is off by a thousandth shows.
    const [x, y] = applyAffine(face.plateToCrop, ...toPlate(poseOf(size), u, v));
    expect(Math.hypot(x - u, y - v)).toBeLessThan(0.02);
    const actual = [0, 1, 2].map((c) => face.rgb[c * size * size + v * size + u]!);
    expected(u, v).forEach((value, c) => expect(Math.abs(actual[c]! - value)).toBeLessThan(1));
  }
}

const RAW = Float32Array.from({ length: 512 }, (_, i) => 3 * Math.sin(i * 0.37) + 0.01 * i);
const LENGTH = Math.hypot(...RAW);
const EMBEDDING: RawEmbedding = { raw: RAW, normed: RAW.map((value) => value / LENGTH) };
const SOURCE_WEIGHTS = Array.from({ length: 512 }, (_, i) => [
  0.03 * Math.cos(i),
  0.02 * Math.sin(2 * i + 1),
  -0.015 * Math.cos(3 * i),
]);

/** The bias that a source vector gives each channel. */
const biasOf = (source: ArrayLike<number>) =>
  [0, 1, 2].map((c) =>
    dot(
      SOURCE_WEIGHTS.map((row) => row[c]!),
      source,
    ),
  );

const EMAP = Float32Array.from({ length: 512 * 512 }, (_, i) => Math.sin(0.001 * i) * 0.1 + (i % 513 === 0 ? 1 : 0));

function embeddingGraph(row: ModelContract, size: number): GraphBuilder {
  const graph = new GraphBuilder();
  const source = graph.input('source', [1, 512]);
  const target = graph.input('target', [1, 3, size, size]);
  const bias = graph.op('MatMul', [source, graph.floats([512, 3], SOURCE_WEIGHTS.flat())]);
  const picture = graph.op('Add', [
    graph.mix(target, MATRIX),
    graph.op('Reshape', [bias, graph.integers([1, 3, 1, 1])]),
  ]);
  graph.output('output', picture, [1, 3, size, size]);
  if (row.decode.family === 'embedding-swapper' && row.decode.givesMask) {
    graph.output('mask', graph.mix(target, [[0.9, 0.05, -0.02]]), [1, 1, size, size]);
  }
  return graph;
}

/** 512 numbers, each with a gain and a shift of its own. */
function converterGraph() {
  const graph = new GraphBuilder();
  const gains = Float32Array.from({ length: 512 }, (_, i) => 0.5 + i / 512);
  const shifts = Float32Array.from({ length: 512 }, (_, i) => 0.2 * Math.cos(i));
  const scaled = graph.op('Mul', [graph.input('input', [1, 512]), graph.floats([1, 512], gains)]);
  graph.output('output', graph.op('Add', [scaled, graph.floats([1, 512], shifts)]), [1, 512]);
  return { model: graph.model(), apply: (raw: Float32Array) => raw.map((value, i) => value * gains[i]! + shifts[i]!) };
}

const unitLength = (values: Float32Array) => {
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
};

/** The identity as each kind of swapper wants it, computed here anew. */
function expectedSource(kind: string): Float32Array {
  if (kind === 'normed') return EMBEDDING.normed;
  if (kind === 'emap') {
    return unitLength(
      Float32Array.from({ length: 512 }, (_, column) => {
        let sum = 0;
        for (let i = 0; i < 512; i++) sum += EMBEDDING.normed[i]! * EMAP[i * 512 + column]!;
        return sum;
      }),
    );
  }
  const converted = converterGraph().apply(RAW);
  return kind === 'converted' ? converted : unitLength(converted);
}

test.each([
  ['inswapper_128', 'v128', 128, UNIT, UNIT, 'emap'],
  ['inswapper_128_fp16', 'v128', 128, UNIT, UNIT, 'emap'],
  ['simswap_256', 'v1', 256, IMAGENET, UNIT, 'converted-normed'],
  ['simswap_unofficial_512', 'v1', 512, UNIT, UNIT, 'converted-normed'],
  ['ghost_1_256', 'v1', 256, HALF, HALF, 'converted'],
  ['ghost_2_256', 'v1', 256, HALF, HALF, 'converted'],
  ['ghost_3_256', 'v1', 256, HALF, HALF, 'converted'],
  ['hififace_256', 'mtcnn', 256, HALF, HALF, 'converted-normed'],
  ['hyperswap_1a_256', 'v128', 256, HALF, HALF, 'normed'],
  ['hyperswap_1b_256', 'v128', 256, HALF, HALF, 'normed'],
  ['hyperswap_1c_256', 'v128', 256, HALF, HALF, 'normed'],
] as [string, Template, number, typeof UNIT, typeof UNIT, string][])(
  '%s: template, colours, normalisation and identity',
  async (id, template, size, input, output, kind) => {
    const row = catalogueRow(id);
    const emap = kind === 'emap' ? [floatTensor('emap', [512, 512], EMAP)] : [];
    const converter = kind.startsWith('converted') ? converterGraph().model : undefined;
    const pack = await openGenerated(row, embeddingGraph(row, size).model(emap), converter);
    const swapper = packSwapper(pack);
    const points = posedPoints(TEMPLATES[template], size, poseOf(size));
    const source = await swapper.prepare(EMBEDDING, { frame, points });
    const wanted = expectedSource(kind);
    wanted.forEach((value, i) =>
      expect(Math.abs(source.data[i]! - value)).toBeLessThan(1e-4 * Math.max(1, Math.abs(value))),
    );
    const face = await swapper.swap(frame, points, source);
    await pack.release();
    expectFace(face, size, (u, v) => expectedAt(u, v, size, input, output, biasOf(wanted)));
    if (!id.startsWith('hyperswap')) expect(face.mask).toBeUndefined();
    else {
      const [u, v] = [0.3 * size, 0.6 * size].map(Math.floor) as [number, number];
      const [x, y] = toPlate(poseOf(size), u + 0.5, v + 0.5);
      const normal = rampAt(x, y).map((sample) => (sample / 255 - 0.5) / 0.5);
      expect(face.mask![v * size + u]).toBeCloseTo(Math.min(1, Math.max(0, dot([0.9, 0.05, -0.02], normal))), 2);
    }
  },
);

test.each([
  ['blendswap_256', 'v2', 112, UNIT, UNIT],
  ['uniface_256', 'ffhq', 256, HALF, HALF],
] as [string, Template, number, typeof UNIT, typeof UNIT][])(
  '%s: the identity is a picture of its own template, between 0 and 1',
  async (id, sourceTemplate, sourceSize, input, output) => {
    const graph = new GraphBuilder();
    const source = graph.input('source', [1, 3, sourceSize, sourceSize]);
    const target = graph.input('target', [1, 3, 256, 256]);
    const rows = [0, 1, 2].map((c) => ({ index: c, constant: 0.01 * c, weights: unevenWeights(c) }));
    const bias = graph.probe(graph.quarters(source, sourceSize), 12, [1, 3, 1, 1], rows);
    graph.output('output', graph.op('Add', [graph.mix(target, MATRIX), bias]), [1, 3, 256, 256]);
    const pack = await openGenerated(id, graph.model());
    const swapper = packSwapper(pack);
    const identity = posedPoints(TEMPLATES[sourceTemplate], sourceSize, poseOf(sourceSize));
    const prepared = await swapper.prepare(EMBEDDING, { frame, points: identity });
    const face = await swapper.swap(frame, posedPoints(TEMPLATES.ffhq, 256, poseOf(256)), prepared);
    await pack.release();
    // The ramps are straight, so a quarter's mean is the colour at its middle.
    const quarter = (channel: number, row: number, column: number) => {
      const middle = (part: number) => (sourceSize * (1 + 2 * part)) / 4;
      return rampAt(...toPlate(poseOf(sourceSize), middle(column), middle(row)))[channel]! / 255;
    };
    const features = [0, 1, 2].flatMap((c) => [quarter(c, 0, 0), quarter(c, 0, 1), quarter(c, 1, 0), quarter(c, 1, 1)]);
    const wanted = rows.map((one) => one.constant + dot(one.weights, features));
    expectFace(face, 256, (u, v) => expectedAt(u, v, 256, input, output, wanted));
  },
);

test.each([true, false])(
  'a performer model: interleaved blue-green-red, three outputs by name, morph %s',
  async (morphs) => {
    const size = 224;
    const graph = new GraphBuilder();
    const apart = graph.op('Transpose', [graph.input('in_face:0', [1, size, size, 3])], { perm: [0, 3, 1, 2] });
    const gain = morphs
      ? graph.op('Mul', [graph.mix(apart, MATRIX), graph.input('morph_value:0', [1])])
      : graph.mix(apart, MATRIX);
    const interleave = (from: string) => graph.op('Transpose', [from], { perm: [0, 2, 3, 1] });
    graph.output('out_face_mask:0', interleave(graph.mix(apart, [[0, 0, 1]])), [1, size, size, 1]);
    graph.output('out_celeb_face:0', interleave(gain), [1, size, size, 3]);
    graph.output('out_celeb_face_mask:0', interleave(graph.mix(apart, [[0.9, 0.3, 0]])), [1, size, size, 1]);
    const pack = await openGenerated('dfm', graph.model());
    const swapper = packDfm(pack);
    expect(swapper.morphs).toBe(morphs);
    const face = await swapper.swap(frame, posedPoints(TEMPLATES.dfl, size, poseOf(size)), 0.75);
    await pack.release();
    const colourAt = (u: number, v: number): Colour => {
      const [red, green, blue] = rampAt(...toPlate(poseOf(size), u + 0.5, v + 0.5));
      return [blue / 255, green / 255, red / 255];
    };
    expectFace(face, size, (u, v) => {
      const given = MATRIX.map((row) => clamp(255 * (morphs ? 0.75 : 1) * dot(row, colourAt(u, v))));
      return given.toReversed();
    });
    for (const [u, v] of [
      [30, 40],
      [200, 60],
      [110, 190],
    ] as const) {
      const [blue, green, red] = colourAt(u, v);
      expect(face.mask![v * size + u]).toBeCloseTo(Math.min(red, 0.9 * blue + 0.3 * green, 1), 2);
    }
  },
);

test('arcface_w600k_r50: red first, -1 to 1, template v2, length kept beside the normed one', async () => {
  const graph = new GraphBuilder();
  const rows = Array.from({ length: 512 }, (_, i) => ({
    index: i,
    constant: 0.1 * Math.sin(i),
    weights: unevenWeights(i % 40),
  }));
  const quarters = graph.quarters(graph.input('input.1', [1, 3, 112, 112]), 112);
  graph.output('683', graph.probe(quarters, 12, [1, 512], rows), [1, 512]);
  const pack = await openGenerated('arcface_w600k_r50', graph.model());
  const recogniser = packRecogniser(pack);
  const points = posedPoints(TEMPLATES.v2, 112, poseOf(112));
  const { raw, normed } = await recogniser.embed(frame, points);
  const quarter = (c: number, row: number, column: number) =>
    rampAt(...toPlate(poseOf(112), 28 + 56 * column, 28 + 56 * row))[c]! / 127.5 - 1;
  const features = [0, 1, 2].flatMap((c) => [quarter(c, 0, 0), quarter(c, 0, 1), quarter(c, 1, 0), quarter(c, 1, 1)]);
  rows.forEach((one, i) => expect(raw[i]).toBeCloseTo(one.constant + dot(one.weights, features), 3));
  expect(Math.hypot(...normed)).toBeCloseTo(1, 5);
  await pack.release();
});

test('another family is refused by name', async () => {
  const graph = new GraphBuilder();
  graph.output(
    '683',
    graph.probe(graph.quarters(graph.input('input.1', [1, 3, 112, 112]), 112), 12, [1, 512], []),
    [1, 512],
  );
  const pack = await openGenerated('arcface_w600k_r50', graph.model());
  expect(() => packSwapper(pack)).toThrow(expect.objectContaining({ code: 'PACK_CONTRACT_MISMATCH' }));
  await pack.release();
});
