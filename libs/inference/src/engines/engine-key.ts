import { createHash } from 'node:crypto';

import { canonicalJson } from '@understudy/contracts';

/** Shapes that an engine is built for: the smallest, the usual and the largest of one input. */
export interface ShapeRange {
  readonly min: readonly number[];
  readonly opt: readonly number[];
  readonly max: readonly number[];
}

/** Everything that an engine depends on. */
export interface EngineSpec {
  /** Of the ONNX file that the engine is built from, after our own edits. */
  readonly modelSha256: string;
  readonly tensorrtVersion: string;
  /** Such as `8.6`. */
  readonly computeCapability: string;
  readonly precision: 'fp32' | 'fp16';
  readonly shapes: Readonly<Record<string, ShapeRange>>;
}

/** A name for the engine's files: another model, runtime, card, precision or shape is another engine. */
export function engineKey(spec: EngineSpec): string {
  return createHash('sha256').update(canonicalJson(spec)).digest('hex').slice(0, 32);
}
