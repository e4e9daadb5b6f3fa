import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What the program does when it is to build. */
export type FakeBuild = 'builds' | 'fails' | 'hangs' | 'writes nothing' | 'dies half way' | `fails only for ${number}`;

export interface FakeTrtexec {
  readonly path: string;
  /** Has a line of JSON for each build: its arguments. */
  readonly record: string;
  /** Finds it and the driver's program. */
  readonly environment: Readonly<Record<string, string>>;
  set(build: FakeBuild): Promise<void>;
}

const program = (record: string, mode: string, version: string): string => `#!${process.execPath}
const { appendFileSync, readFileSync, writeFileSync } = require('node:fs');
const args = process.argv.slice(2);
console.log('&&&& RUNNING TensorRT.trtexec [TensorRT ${version}] # trtexec ' + args.join(' '));
if (args.includes('--help')) process.exit(0);
appendFileSync(${JSON.stringify(record)}, JSON.stringify(args) + '\\n');
const valueOf = (name) => args.find((arg) => arg.startsWith(name + '='))?.slice(name.length + 1);
const engine = valueOf('--saveEngine');
const onnx = readFileSync(valueOf('--onnx'));
const mode = readFileSync(${JSON.stringify(mode)}, 'utf8');
if (mode === 'fails' || mode === 'fails only for ' + onnx.length) {
  console.error('[E] Error[9]: no kernel for node Conv_12');
  console.error('[E] Engine could not be created from network');
  process.exit(1);
}
if (mode === 'hangs') setInterval(() => {}, 1000);
else if (mode === 'dies half way') {
  writeFileSync(engine, 'half of ');
  process.kill(process.pid, 'SIGKILL');
} else if (mode !== 'writes nothing') writeFileSync(engine, 'engine of ' + onnx.length + ' bytes');
`;

const driver = (cards: readonly string[]): string =>
  `#!/bin/sh\nprintf '%s\\n' ${cards.map((card) => `'${card}'`).join(' ')}\n`;

/** A stand-in for TensorRT's builder and for the driver's program, in a folder. */
export async function fakeTrtexec(
  folder: string,
  { version = 'v100900', cards = ['GPU-5c1f0e2a, 8.6, 24564'] }: { version?: string; cards?: readonly string[] } = {},
): Promise<FakeTrtexec> {
  const at = (name: string): string => join(folder, name);
  const [path, record, mode] = [at('trtexec'), at('builds.jsonl'), at('mode')];
  await writeFile(mode, 'builds');
  await writeFile(record, '');
  // CommonJS whatever lies above the folder.
  await writeFile(at('package.json'), '{"type":"commonjs"}');
  await writeFile(path, program(record, mode, version));
  await writeFile(at('nvidia-smi'), driver(cards));
  for (const one of [path, at('nvidia-smi')]) await chmod(one, 0o755);
  return { path, record, environment: { PATH: `${folder}:/usr/bin:/bin` }, set: (build) => writeFile(mode, build) };
}
