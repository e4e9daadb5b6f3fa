import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** The extensions by which the runtime's CPU kernels are chosen. */
const KERNEL_FLAGS = /^(avx|avx2|fma|f16c|avx512\w*|avx_vnni|amx_\w+|asimd\w*|bf16|i8mm|sve\w*)$/;

/**
 * The instruction set that CPU kernels are chosen by, such as `x64/avx,avx2,f16c,fma`. Where the kernel does not tell
 * its flags, the CPU's model name stands in: narrower than needed, never wider.
 */
export function cpuIsa(): string {
  return `${process.arch}/${linuxFlags() ?? cpus()[0]?.model.trim() ?? 'unknown'}`;
}

function linuxFlags(): string | undefined {
  let text: string;
  try {
    text = readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return undefined;
  }
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1];
  if (line === undefined) return undefined;
  return line
    .trim()
    .split(/\s+/)
    .filter((flag) => KERNEL_FLAGS.test(flag))
    .toSorted()
    .join(',');
}
