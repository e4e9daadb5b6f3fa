import { UnderstudyError } from '@understudy/contracts';
import { InferenceSession, Tensor, env, listSupportedBackends } from 'onnxruntime-node';

import { cpuIsa } from './cpu-isa.js';
import type { EngineCache } from './engines/engine-cache.js';
import { engineOf } from './engines/session-source.js';
import { isOutOfGpuMemory, networkFailure } from './gpu-memory.js';
import type { ModelManifest, ModelPack, ModelRole, TensorSpec } from './manifest.js';
import { readModel } from './model-pack.js';
import { convertToHalf } from './onnx/half-precision.js';

export type Provider = 'cpu' | 'cuda' | 'tensorrt' | 'webgpu';

/** In which a graph computes; inputs and outputs are float32 either way. */
export type Precision = 'fp32' | 'fp16';

export interface SessionOptions {
  readonly provider?: Provider;
  /** `fp16`: the graph is converted when it is loaded. Default `fp32`. */
  readonly precision?: Precision;
  /** Threads inside one operator. Fixed, because the split of a sum may change its last bits. */
  readonly threads?: number;
  /** With `tensorrt`: where this host's engines are. Every model is loaded as one then. */
  readonly engines?: EngineCache;
}

/** Lanes of the same class give bit-identical results; a shot is rendered within one class. */
export interface ParityClass {
  readonly provider: Provider;
  readonly precision: Precision;
  readonly runtime: string;
  readonly isa: string;
  readonly batch: 1;
  readonly threads: number;
}

export interface Model {
  readonly manifest: ModelManifest;
  readonly parityClass: ParityClass;
  /**
   * Runs the network. Blocks the calling thread while it computes.
   *
   * @param inputs by tensor name, already normalised, of exactly the manifest's shapes.
   * @returns outputs by tensor name.
   */
  run(inputs: Readonly<Record<string, Float32Array>>): Promise<Record<string, Float32Array>>;
  release(): Promise<void>;
}

/**
 * Opens one model of a verified pack.
 *
 * @throws UnderstudyError PROVIDER_UNAVAILABLE when the provider is not in this runtime, MODEL_HASH_MISMATCH when the
 * file, its tensor names or shapes are not those of the manifest, MODEL_UNAVAILABLE when it can't be loaded.
 */
export async function openModel(pack: ModelPack, role: ModelRole, options: SessionOptions = {}): Promise<Model> {
  const provider = options.provider ?? 'cpu';
  const threads = options.threads ?? 1;
  if (!listSupportedBackends().some((backend) => backend.name === provider)) {
    throw new UnderstudyError('PROVIDER_UNAVAILABLE', `This runtime has no ${provider} provider: use --provider cpu.`, {
      details: { provider, available: listSupportedBackends().map((backend) => backend.name) },
    });
  }
  const { model, bytes } = await readModel(pack, role);
  const graph = (await engineOf(bytes, options)) ?? (options.precision === 'fp16' ? convertToHalf(bytes) : bytes);
  const session = await createSession(model, graph, provider, threads);
  checkTensors(model, 'input', session.inputMetadata, model.inputs);
  checkTensors(model, 'output', session.outputMetadata, model.outputs);
  return {
    manifest: model,
    parityClass: parityClass(options),
    run: (inputs) => runSession(session, provider, model, inputs),
    release: () => session.release(),
  };
}

async function createSession(model: ModelManifest, graph: Uint8Array | string, provider: Provider, threads: number) {
  try {
    return await openSession(graph, provider, threads);
  } catch (cause) {
    const code = provider === 'cpu' ? 'MODEL_UNAVAILABLE' : 'PROVIDER_UNAVAILABLE';
    const message = `${model.file} could not be loaded by the ${provider} provider.`;
    throw networkFailure(provider, model.file, cause, { code, message });
  }
}

/** @param graph a model's bytes, or the path of what stands for it */
export function openSession(
  graph: Uint8Array | string,
  provider: Provider,
  threads: number,
): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    // A thread that waits for its share of an operator by spinning takes its core from decoders, encoders and other lanes.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
  return typeof graph === 'string' ? InferenceSession.create(graph, options) : InferenceSession.create(graph, options);
}

const describe = (name: string, type: string, shape: readonly (number | string)[]) =>
  `${name} ${type} [${shape.join(',')}]`;

function checkTensors(
  model: ModelManifest,
  side: 'input' | 'output',
  actual: readonly InferenceSession.ValueMetadata[],
  expected: readonly TensorSpec[],
): void {
  const found = actual.map((one) => (one.isTensor ? describe(one.name, one.type, one.shape) : `${one.name} no tensor`));
  const wanted = expected.map((one) => describe(one.name, one.type, one.shape));
  if (found.toSorted().join(';') === wanted.toSorted().join(';')) return;
  throw new UnderstudyError(
    'MODEL_HASH_MISMATCH',
    `${model.file} has other ${side}s than its manifest: correct the manifest or use the model it was written for.`,
    { details: { file: model.file, expected: wanted, actual: found } },
  );
}

async function runSession(
  session: InferenceSession,
  provider: Provider,
  model: ModelManifest,
  inputs: Readonly<Record<string, Float32Array>>,
): Promise<Record<string, Float32Array>> {
  const feeds: Record<string, Tensor> = {};
  for (const spec of model.inputs) {
    const data = inputs[spec.name];
    if (data === undefined) throw new RangeError(`${model.file} needs the input ${spec.name}`);
    feeds[spec.name] = new Tensor('float32', data, spec.shape);
  }
  const results = await session.run(feeds).catch((cause: unknown) => {
    if (!isOutOfGpuMemory(provider, cause)) throw cause;
    throw networkFailure(provider, model.file, cause, { code: 'INTERNAL', message: '' });
  });
  const outputs: Record<string, Float32Array> = {};
  for (const spec of model.outputs) {
    const data = results[spec.name]?.data;
    if (!(data instanceof Float32Array)) throw new TypeError(`${model.file} gave no float32 ${spec.name}`);
    outputs[spec.name] = data;
  }
  return outputs;
}

/** What this host's results are comparable with, for a session of these options. */
export function parityClass(options: SessionOptions = {}): ParityClass {
  return {
    provider: options.provider ?? 'cpu',
    precision: options.precision ?? 'fp32',
    runtime: `onnxruntime-${env.versions.node ?? env.versions.common}${enginesOf(options)}`,
    isa: cpuIsa(),
    batch: 1,
    threads: options.threads ?? 1,
  };
}

function enginesOf({ provider, engines }: SessionOptions): string {
  return provider === 'tensorrt' && engines !== undefined ? `/engines-${engines.digest}` : '';
}
