import { UnderstudyError } from '@understudy/contracts';

import type { EngineSpec, ShapeRange } from './engine-key.js';

export interface TrtexecPaths {
  readonly onnx: string;
  readonly engine: string;
  /** Measured kernel timings, kept so that the next build is quicker. */
  readonly timingCache?: string;
}

/**
 * The arguments by which `trtexec` builds an engine; to be run without a shell.
 *
 * @throws UnderstudyError INVALID_REQUEST for shapes that are out of order, or names that its syntax can't hold
 */
export function trtexecArguments(spec: EngineSpec, paths: TrtexecPaths): string[] {
  const names = Object.keys(spec.shapes).toSorted();
  for (const name of names) checkRange(name, spec.shapes[name]!);
  const option = (kind: keyof ShapeRange) =>
    `--${kind}Shapes=${names.map((name) => `${name}:${spec.shapes[name]![kind].join('x')}`).join(',')}`;
  return [
    `--onnx=${paths.onnx}`,
    ...(spec.precision === 'fp16' ? ['--fp16'] : []),
    ...(names.length > 0 ? [option('min'), option('opt'), option('max')] : []),
    `--saveEngine=${paths.engine}`,
    ...(paths.timingCache === undefined ? [] : [`--timingCacheFile=${paths.timingCache}`]),
    '--skipInference',
  ];
}

function checkRange(name: string, { min, opt, max }: ShapeRange): void {
  const sound =
    min.length === opt.length &&
    opt.length === max.length &&
    min.every((size, i) => size >= 1 && size <= opt[i]! && opt[i]! <= max[i]!);
  // trtexec itself tells names with a colon by the last one; commas end a shape.
  if (!sound || /[,\s]/.test(name)) {
    throw new UnderstudyError('INVALID_REQUEST', `the shapes of ${name} are out of order or its name can't be given.`, {
      details: { input: name, min, opt, max },
    });
  }
}
