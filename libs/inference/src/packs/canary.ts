import type { ModelManifestDocument, PackCanary } from '@understudy/contracts';
import { UnderstudyError } from '@understudy/contracts';

import { closedShape, OPEN_SIDE } from '../engines/engine-model.js';
import type { GraphInput, GraphOutput, OpenedPack } from './open-pack.js';

const MOST_SAMPLES = 64;

/**
 * Inputs that anybody can make again: a slow wave over the tensor, another for each input, within the range that the
 * model is fed. Dimensions that the file leaves open are 1 in front and the contract's size behind.
 */
export function canaryFeeds(manifest: Pick<ModelManifestDocument, 'inputs' | 'decode'>): Record<string, GraphInput> {
  const feeds: Record<string, GraphInput> = {};
  manifest.inputs.forEach((input, number) => {
    const shape = closedShape(input.shape, openSideOf(manifest));
    const size = shape.reduce((product, one) => product * one, 1);
    const wave = (index: number): number => 0.5 + 0.45 * Math.sin(0.013 * (number + 1) * index + number);
    const data = input.type === 'float64' ? new Float64Array(size) : new Float32Array(size);
    for (let index = 0; index < size; index++) data[index] = wave(index);
    feeds[input.name] = { data, shape };
  });
  return feeds;
}

/** The contract's size of a picture that the graph leaves open. */
export function openSideOf({ decode }: Pick<ModelManifestDocument, 'decode'>): number {
  return 'alignment' in decode ? decode.alignment.size : 'size' in decode ? decode.size : OPEN_SIDE;
}

/**
 * What a model gives for {@link canaryFeeds}.
 *
 * @throws UnderstudyError PACK_SELF_TEST_FAILED when it does not run, or gives what is no number
 */
export async function recordCanary(pack: Pick<OpenedPack, 'manifest' | 'model'>): Promise<PackCanary> {
  const { id } = pack.manifest;
  let outputs: readonly GraphOutput[];
  try {
    outputs = await pack.model.run(canaryFeeds(pack.manifest));
  } catch (cause) {
    throw new UnderstudyError(
      'PACK_SELF_TEST_FAILED',
      `${id} does not run: it is broken, or made for another runtime.`,
      {
        cause,
      },
    );
  }
  return {
    outputs: outputs.map(({ name, shape, data }) => {
      const peak = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      if (!Number.isFinite(peak) || data.length === 0) {
        throw new UnderstudyError('PACK_SELF_TEST_FAILED', `${id} gives ${name} with what is no number.`);
      }
      return { name, shape: [...shape], samples: samplesOf(data), peak };
    }),
  };
}

/** By the golden ratio, so that no regular spacing picks the same column of every row. */
function samplesOf(data: Float32Array): number[] {
  const count = Math.min(MOST_SAMPLES, data.length);
  const places = Array.from({ length: count }, (_, index) => (index * 0.6180339887498949) % 1);
  return places.map((place) => data[Math.floor(place * data.length)]!);
}

/**
 * Largest difference of the samples, in parts of the expected output's largest number.
 *
 * @throws UnderstudyError PACK_SELF_TEST_FAILED when names or shapes are others
 */
export function canaryDifference(expected: PackCanary, actual: PackCanary): number {
  const form = (canary: PackCanary): string => canary.outputs.map(({ name, shape }) => `${name} [${shape}]`).join(', ');
  if (form(expected) !== form(actual)) {
    throw new UnderstudyError(
      'PACK_SELF_TEST_FAILED',
      `the model gives ${form(actual)} where its canary has ${form(expected)}.`,
    );
  }
  return Math.max(
    0,
    ...expected.outputs.map(({ samples, peak }, output) => {
      const scale = Math.max(peak, Number.MIN_VALUE);
      const others = actual.outputs[output]!.samples;
      return Math.max(...samples.map((value, index) => Math.abs(value - others[index]!) / scale));
    }),
  );
}
