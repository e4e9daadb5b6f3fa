import { UnderstudyError } from '@understudy/contracts';

import { decodeModel, encodeModel, floatTensor, node, TENSOR_CODES } from './model-proto.js';

export interface Normalisation {
  /** The network's input is `(sample / range - mean) / std`, per channel in its own order. */
  readonly range: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Where the channels are. */
  readonly layout: 'nchw' | 'nhwc';
  /** The samples come in the other order of channels than the network's: reverse them in the graph. */
  readonly reverseChannels?: boolean;
}

/**
 * Puts the normalisation into the graph: its input then takes uint8 samples of 0..255, a quarter of the bytes to copy,
 * and the runtime does the arithmetic.
 *
 * @param input the name of the float32 input to change; it keeps its name and shape
 * @throws UnderstudyError PACK_CONTRACT_MISMATCH where there is no such input
 */
export function fuseNormalisation(bytes: Uint8Array, input: string, normalisation: Normalisation): Uint8Array {
  const model = decodeModel(bytes);
  const { graph } = model;
  // Before version 4, stored numbers had to be inputs as well.
  if (Number(model.irVersion ?? 0) < 4) model.irVersion = 4;
  const tensor = (graph.input ?? []).find((value) => value.name === input)?.type?.tensorType;
  if (tensor === null || tensor === undefined || tensor.elemType !== TENSOR_CODES.float32) {
    throw new UnderstudyError('PACK_CONTRACT_MISMATCH', `the graph has no float32 input ${input} to normalise.`);
  }
  tensor.elemType = TENSOR_CODES.uint8;
  const inner = `${input}/normalised`;
  for (const one of graph.node ?? []) one.input = (one.input ?? []).map((name) => (name === input ? inner : name));
  const { range, mean, std, layout, reverseChannels } = normalisation;
  const channels = mean.length;
  const dims = layout === 'nchw' ? [1, channels, 1, 1] : [1, 1, 1, channels];
  const ordered = reverseChannels === true ? `${input}/ordered` : `${input}/float`;
  const scale = std.map((value) => 1 / (value * range));
  const shift = mean.map((value, c) => -value / std[c]!);
  const added = [node('Cast', [input], [`${input}/float`], { to: TENSOR_CODES.float32 })];
  graph.initializer = [
    ...(graph.initializer ?? []),
    floatTensor(`${input}/scale`, dims, scale),
    floatTensor(`${input}/shift`, dims, shift),
  ];
  if (reverseChannels === true) {
    const name = `${input}/order`;
    const order = BigInt64Array.from({ length: channels }, (_, c) => BigInt(channels - 1 - c));
    graph.initializer.push({
      name,
      dims: [channels],
      dataType: TENSOR_CODES.int64,
      rawData: new Uint8Array(order.buffer),
    });
    added.push(node('Gather', [`${input}/float`, name], [ordered], { axis: layout === 'nchw' ? 1 : 3 }));
  }
  added.push(
    node('Mul', [ordered, `${input}/scale`], [`${input}/scaled`]),
    node('Add', [`${input}/scaled`, `${input}/shift`], [inner]),
  );
  graph.node = [...added, ...(graph.node ?? [])];
  return encodeModel(model);
}
