import { toUnderstudyError } from '@understudy/contracts';

import type { EngineCache } from '../engines/engine-cache.js';
import type { ModelManifest, ModelPack, ModelRole } from '../manifest.js';
import { buildModel, encodeModel, node, valueInfo } from '../onnx/model-proto.js';
import { openGraph } from '../packs/open-pack.js';
import { type Model, openModel, type Precision, type Provider } from '../session.js';

/** A way to run models that a host may have. */
export interface ProviderCandidate {
  readonly provider: Provider;
  readonly precision: Precision;
  /** Of `tensorrt`, where this host builds them. */
  readonly engines?: EngineCache;
}

/** How one model did on a candidate, against single precision on the processor. */
export interface ModelTest {
  readonly role: ModelRole;
  /** Largest difference of an output's number, in parts of that output's largest one. */
  readonly difference: number;
  /** Median of several runs after warming up. */
  readonly milliseconds: number;
}

export interface ProviderTest extends ProviderCandidate {
  readonly passed: boolean;
  readonly models: readonly ModelTest[];
  /** Why it is not used; null where it passed. */
  readonly reason: string | null;
}

/**
 * Difference up to which a candidate counts as computing the same, in parts of an output's largest number. Half precision keeps
 * eleven bits, and errors of a few dozen layers add up; the identity's 512 numbers are compared one by one, though only their
 * direction counts.
 */
export const PROVIDER_BOUNDS: Readonly<Record<Precision, number>> = { fp32: 5e-3, fp16: 3e-2 };

const WARMING = 3;
const TIMED = 9;

/**
 * Runs each model of the default pack on a candidate and on the processor with the same inputs, compares and times them.
 * Whatever goes wrong is the result's reason. A runtime may crash the process over a driver: see {@link probeProvider}.
 */
export async function testProvider(pack: ModelPack, candidate: ProviderCandidate): Promise<ProviderTest> {
  const models: ModelTest[] = [];
  const bound = PROVIDER_BOUNDS[candidate.precision];
  try {
    for (const manifest of pack.manifest.models) {
      const test = await testModel(pack, manifest, candidate);
      models.push(test);
      if (!(test.difference <= bound)) {
        const much = test.difference.toExponential(1);
        const reason = `the ${test.role} model differs by ${much} from the processor's result, more than ${bound}`;
        return { ...candidate, passed: false, models, reason };
      }
    }
    return { ...candidate, passed: true, models, reason: null };
  } catch (thrown) {
    return { ...candidate, passed: false, models, reason: reasonOf(thrown) };
  }
}

/**
 * Whether a session of the smallest graph can be made: the provider's libraries load. Says nothing of what it computes.
 */
export async function providerLoads({ provider, precision }: ProviderCandidate): Promise<ProviderTest> {
  const graph = buildModel({
    nodes: [node('Relu', ['x'], ['y'])],
    inputs: [valueInfo('x', 'float32', [1, 8])],
    outputs: [valueInfo('y', 'float32', [1, 8])],
  });
  try {
    const session = await openGraph(encodeModel(graph), undefined, { provider });
    await session.run({ x: { data: new Float32Array(8), shape: [1, 8] } });
    await session.release();
    return { provider, precision, passed: true, models: [], reason: null };
  } catch (thrown) {
    return { provider, precision, passed: false, models: [], reason: reasonOf(thrown) };
  }
}

/** With the runtime's own first line, which names what is missing. */
function reasonOf(thrown: unknown): string {
  const { message, cause } = toUnderstudyError(thrown);
  const [detail] = cause instanceof Error ? cause.message.split('\n') : [];
  return detail === undefined || detail === '' ? message : `${message} (${detail.slice(0, 300)})`;
}

async function testModel(pack: ModelPack, manifest: ModelManifest, candidate: ProviderCandidate): Promise<ModelTest> {
  const { role } = manifest;
  const reference = await openModel(pack, role);
  try {
    const feeds = waves(manifest);
    const expected = await reference.run(feeds);
    // One session after the other: creating them at once has crashed runtimes.
    const model = await openModel(pack, role, candidate);
    try {
      const actual = await model.run(feeds);
      const differences = manifest.outputs.map(({ name }) => largestDifference(expected[name]!, actual[name]!));
      return { role, difference: Math.max(...differences), milliseconds: await medianTime(model, feeds) };
    } finally {
      await model.release();
    }
  } finally {
    await reference.release();
  }
}

/** Slow waves over the whole range of a picture, normalised as the model wants them. */
function waves({ inputs, mean, divisor }: ModelManifest): Record<string, Float32Array> {
  return Object.fromEntries(
    inputs.map(({ name, shape }) => {
      const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
      const width = shape.at(-1)!;
      for (let i = 0; i < data.length; i++) {
        const sample = 127.5 + 60 * Math.sin((i % width) / 9) + 60 * Math.cos(Math.floor(i / width) / 7);
        data[i] = (sample - mean) / divisor;
      }
      return [name, data];
    }),
  );
}

function largestDifference(expected: Float32Array, actual: Float32Array): number {
  let peak = Number.MIN_VALUE;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(expected[i]! - actual[i]!);
    // A comparison with what is no number is never true.
    if (!(difference <= worst)) worst = difference;
    peak = Math.max(peak, Math.abs(expected[i]!));
  }
  return worst / peak;
}

async function medianTime(model: Model, feeds: Record<string, Float32Array>): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < WARMING + TIMED; run++) {
    const from = performance.now();
    await model.run(feeds);
    if (run >= WARMING) times.push(performance.now() - from);
  }
  return Math.round(times.toSorted((a, b) => a - b)[Math.floor(TIMED / 2)]! * 100) / 100;
}
