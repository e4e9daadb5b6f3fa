import type { ModelManifestDocument, PackCanary } from '@understudy/contracts';
import { UnderstudyError } from '@understudy/contracts';

import { closedShape, OPEN_SIDE } from '../engines/engine-model.js';
import { EMBEDDING_SIZE } from './emap.js';
import type { Graph, GraphInput, GraphOutput, OpenedPack } from './open-pack.js';

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

/** An identity's 512 numbers as anybody can make them again, of both signs. */
function converterFeeds(converter: Graph): Record<string, GraphInput> {
  const data = Float32Array.from({ length: EMBEDDING_SIZE }, (_, index) => 0.08 * Math.sin(0.37 * index + 0.5));
  return { [converter.inputs[0]!.name]: { data, shape: [1, EMBEDDING_SIZE] } };
}

type Networks = Pick<OpenedPack, 'manifest' | 'model' | 'converter'>;

/**
 * What a pack's networks give for {@link canaryFeeds}.
 *
 * @throws UnderstudyError PACK_SELF_TEST_FAILED when one does not run, or gives what is no number
 */
export async function recordCanary(pack: Networks): Promise<PackCanary> {
  const { model, converter } = await runCanary(pack);
  const { id } = pack.manifest;
  return {
    outputs: outputsOf(id, model),
    ...(converter === undefined ? {} : { converter: outputsOf(id, converter) }),
  };
}

/** Wall milliseconds of one run of all its networks. They have run before: the first run also makes room for its tensors. */
export async function timeCanary(pack: Networks): Promise<number> {
  const startedAt = performance.now();
  await runCanary(pack);
  return Math.round((performance.now() - startedAt) * 100) / 100;
}

async function runCanary({ manifest, model, converter }: Networks) {
  try {
    return {
      model: await model.run(canaryFeeds(manifest)),
      converter: await converter?.run(converterFeeds(converter)),
    };
  } catch (cause) {
    throw new UnderstudyError(
      'PACK_SELF_TEST_FAILED',
      `${manifest.id} does not run: it is broken, or made for another runtime.`,
      { cause },
    );
  }
}

function outputsOf(id: string, outputs: readonly GraphOutput[]): PackCanary['outputs'] {
  return outputs.map(({ name, shape, data }) => {
    const peak = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (!Number.isFinite(peak) || data.length === 0) {
      throw new UnderstudyError('PACK_SELF_TEST_FAILED', `${id} gives ${name} with what is no number.`);
    }
    return { name, shape: [...shape], samples: samplesOf(data), peak };
  });
}

/** By the golden ratio, so that no regular spacing picks the same column of every row. */
function samplesOf(data: Float32Array): number[] {
  const count = Math.min(MOST_SAMPLES, data.length);
  const places = Array.from({ length: count }, (_, index) => (index * 0.6180339887498949) % 1);
  return places.map((place) => data[Math.floor(place * data.length)]!);
}

/**
 * Largest difference of the samples, in parts of the expected output's largest number, of all networks that are expected.
 *
 * @throws UnderstudyError PACK_SELF_TEST_FAILED when names or shapes are others
 */
export function canaryDifference(expected: PackCanary, actual: PackCanary): number {
  return Math.max(
    differenceOf('model', expected.outputs, actual.outputs),
    expected.converter === undefined ? 0 : differenceOf('converter', expected.converter, actual.converter ?? []),
  );
}

function differenceOf(network: string, expected: PackCanary['outputs'], actual: PackCanary['outputs']): number {
  const form = (outputs: PackCanary['outputs']): string =>
    outputs.map(({ name, shape }) => `${name} [${shape}]`).join(', ');
  if (form(expected) !== form(actual)) {
    throw new UnderstudyError(
      'PACK_SELF_TEST_FAILED',
      `the ${network} gives ${form(actual)} where its canary has ${form(expected)}.`,
    );
  }
  return Math.max(
    0,
    ...expected.map(({ samples, peak }, output) => {
      const scale = Math.max(peak, Number.MIN_VALUE);
      const others = actual[output]!.samples;
      return Math.max(...samples.map((value, index) => Math.abs(value - others[index]!) / scale));
    }),
  );
}
