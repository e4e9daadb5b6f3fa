import { UnderstudyError } from '@understudy/contracts';

import type { TensorType } from '../onnx/model-proto.js';
import { buildModel, encodeModel, node, valueInfo } from '../onnx/model-proto.js';

export interface EngineTensor {
  readonly name: string;
  readonly type: TensorType;
  /** A name stands for a dimension that is open. */
  readonly shape: readonly (number | string)[];
}

export interface EngineWrapper {
  readonly inputs: readonly EngineTensor[];
  readonly outputs: readonly EngineTensor[];
  /** The engine's file, beside the wrapper: a name, no path. */
  readonly engineFile: string;
  /** Such as `8.6`: the card's that the engine was built on. */
  readonly computeCapability: string;
}

/**
 * An ONNX file that stands for a TensorRT engine: one node `EPContext` whose inputs and outputs are the engine's. The
 * runtime's TensorRT provider loads the engine beside it, so a lane need not build it again, and gets half precision that
 * the Node.js binding has no option for. Load it by path, so that the engine is found.
 *
 * Only for engines that this lane built: a pack that holds such a node is refused.
 *
 * @throws UnderstudyError INVALID_REQUEST where the engine is not named as a plain file
 */
export function engineWrapper({ inputs, outputs, engineFile, computeCapability }: EngineWrapper): Uint8Array {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(engineFile)) {
    throw new UnderstudyError('INVALID_REQUEST', `the engine ${engineFile} is no plain file name.`);
  }
  const context = node(
    'EPContext',
    inputs.map((one) => one.name),
    outputs.map((one) => one.name),
    {
      main_context: 1,
      embed_mode: 0,
      ep_cache_context: engineFile,
      source: 'TensorrtExecutionProvider',
      hardware_architecture: computeCapability,
    },
    'com.microsoft',
  );
  const model = buildModel({
    nodes: [{ ...context, name: 'engine' }],
    inputs: inputs.map((one) => valueInfo(one.name, one.type, one.shape)),
    outputs: outputs.map((one) => valueInfo(one.name, one.type, one.shape)),
    domains: { 'com.microsoft': 1 },
  });
  return encodeModel(model);
}
