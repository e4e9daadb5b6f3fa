import type { ModelManifestDocument, PackFamily, PackTensor } from '@understudy/contracts';
import { UnderstudyError } from '@understudy/contracts';
import { InferenceSession, Tensor, listSupportedBackends } from 'onnxruntime-node';

import { engineOf } from '../engines/session-source.js';
import { fromHalf } from '../onnx/half-float.js';
import { decodeModel, encodeModel } from '../onnx/model-proto.js';
import { convertToHalf } from '../onnx/half-precision.js';
import { openSession, type SessionOptions } from '../session.js';
import { openSideOf } from './canary.js';
import { checkPack } from './check-pack.js';
import { readEmap } from './emap.js';
import { inlineExternalData } from './external-data.js';
import { partOf, readPackFiles } from './pack-files.js';
import type { StoredPack } from './pack-store.js';

export interface GraphOutput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface GraphInput {
  readonly data: Float32Array | Float64Array;
  readonly shape: readonly number[];
}

/** A session of a pack's graph. Blocks the calling thread while it computes. */
export interface Graph {
  readonly inputs: readonly PackTensor[];
  /** @returns the outputs in the manifest's order. */
  run(feeds: Readonly<Record<string, GraphInput>>): Promise<GraphOutput[]>;
  release(): Promise<void>;
}

export interface OpenedPack {
  readonly manifest: ModelManifestDocument;
  readonly model: Graph;
  /** Turns 512 numbers of the recogniser into those the swapper knows. */
  readonly converter: Graph | undefined;
  /** 512 x 512, row-major. */
  readonly emap: Float32Array | undefined;
  release(): Promise<void>;
}

/**
 * Opens a pack whose model is a graph: files hashed, graph and tensors checked, and the checked bytes loaded.
 *
 * @throws UnderstudyError MODEL_HASH_MISMATCH, PACK_*, PROVIDER_UNAVAILABLE, MODEL_UNAVAILABLE
 */
export async function openPack(pack: StoredPack, options: SessionOptions = {}): Promise<OpenedPack> {
  const { manifest } = pack;
  const files = await readPackFiles(pack.folder, manifest);
  return openFiles(manifest, files, checkPack(manifest, files), options);
}

/** The same from files that were hashed and checked already. */
export async function openFiles(
  manifest: ModelManifestDocument,
  files: ReadonlyMap<string, Uint8Array>,
  tensors: Pick<ModelManifestDocument, 'inputs' | 'outputs'>,
  options: SessionOptions = {},
): Promise<OpenedPack> {
  // One after the other: creating sessions at once has crashed runtimes.
  const model = await openGraph(modelBytes(manifest, files), tensors, options, openSideOf(manifest));
  const converter = manifest.parts.includes('converter')
    ? await openGraph(partOf(manifest, files, 'converter'), undefined, options)
    : undefined;
  const emap = manifest.parts.includes('emap') ? readEmap(partOf(manifest, files, 'emap')) : undefined;
  return {
    manifest,
    model,
    converter,
    emap,
    release: async () => {
      await model.release();
      await converter?.release();
    },
  };
}

/** @throws UnderstudyError PACK_CONTRACT_MISMATCH where the pack is of another family. */
export function decodeOf<F extends PackFamily>(
  manifest: Pick<ModelManifestDocument, 'id' | 'decode'>,
  ...families: F[]
): Extract<ModelManifestDocument['decode'], { family: F }> {
  const { decode } = manifest;
  if ((families as string[]).includes(decode.family)) return decode as ReturnType<typeof decodeOf<F>>;
  throw new UnderstudyError(
    'PACK_CONTRACT_MISMATCH',
    `${manifest.id} is of the family ${decode.family}, not ${families.join(' or ')}: name another pack.`,
    { details: { family: decode.family, wanted: families } },
  );
}

/** The model as one graph, its external tensors inside. */
export function modelBytes(manifest: ModelManifestDocument, files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const bytes = partOf(manifest, files, 'model');
  if (!manifest.files.some((file) => file.part === 'external')) return bytes;
  const model = decodeModel(bytes);
  inlineExternalData(model, files);
  return encodeModel(model);
}

/** Graphs with branches or loops stay in single precision. */
function inPrecision(bytes: Uint8Array, { precision }: SessionOptions): Uint8Array {
  if (precision !== 'fp16') return bytes;
  try {
    return convertToHalf(bytes);
  } catch (thrown) {
    if (thrown instanceof UnderstudyError && thrown.code === 'INVALID_REQUEST') return bytes;
    throw thrown;
  }
}

/**
 * A session of checked bytes.
 *
 * @param tensors in the order that outputs are to come in; the graph's own without it.
 * @param openSide of a picture whose size the graph leaves open
 */
export async function openGraph(
  bytes: Uint8Array,
  tensors: Pick<ModelManifestDocument, 'inputs' | 'outputs'> | undefined,
  options: SessionOptions = {},
  openSide?: number,
): Promise<Graph> {
  const provider = options.provider ?? 'cpu';
  if (!listSupportedBackends().some((backend) => backend.name === provider)) {
    throw new UnderstudyError('PROVIDER_UNAVAILABLE', `This runtime has no ${provider} provider: use --provider cpu.`, {
      details: { provider },
    });
  }
  const graph = (await engineOf(bytes, options, openSide)) ?? inPrecision(bytes, options);
  let session: InferenceSession;
  try {
    session = await openSession(graph, provider, options.threads ?? 1);
  } catch (cause) {
    throw new UnderstudyError('MODEL_UNAVAILABLE', `The model could not be loaded by the ${provider} provider.`, {
      cause,
    });
  }
  const names = tensors?.outputs.map((one) => one.name) ?? [...session.outputNames];
  return {
    inputs:
      tensors?.inputs ?? session.inputNames.map((name) => ({ name, type: 'float32', shape: [], optional: false })),
    run: (feeds) => runGraph(session, names, feeds),
    release: () => session.release(),
  };
}

async function runGraph(
  session: InferenceSession,
  names: readonly string[],
  feeds: Readonly<Record<string, GraphInput>>,
): Promise<GraphOutput[]> {
  const tensors: Record<string, Tensor> = {};
  for (const [name, { data, shape }] of Object.entries(feeds)) {
    tensors[name] =
      data instanceof Float64Array ? new Tensor('float64', data, shape) : new Tensor('float32', data, shape);
  }
  const results = await session.run(tensors);
  return names.map((name) => {
    const found = results[name];
    if (found === undefined) throw new TypeError(`the model gave no ${name}`);
    return { name, shape: found.dims, data: floats(found.data, found.type, name) };
  });
}

function floats(data: Tensor['data'], type: string, name: string): Float32Array {
  if (data instanceof Float32Array) return data;
  if (data instanceof Uint16Array && type === 'float16') return Float32Array.from(data, fromHalf);
  // Where the language has it, half-precision tensors come as Float16Array, whose items are numbers already.
  if (type === 'float16' || data instanceof Float64Array) return Float32Array.from(data as Float64Array);
  throw new TypeError(`the model gave ${name} as ${type}`);
}
