// Compiles the kernels (AssemblyScript) into src/kernels/resample.wasm.ts:  node kernels/build.mjs
// The compiler is fetched by npx at this version and is no dependency: who does not change a kernel needs none.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { argv } from 'node:process';

const COMPILER = 'assemblyscript@0.28.20';
const FLAGS = ['--enable', 'simd', '--runtime', 'stub', '--optimizeLevel', '3', '--noAssert'];

/** @param {string} source @param {string} target */
function build(source, target) {
  const folder = mkdtempSync(join(tmpdir(), 'kernels-'));
  try {
    const wasm = join(folder, 'out.wasm');
    execFileSync('npx', ['--yes', '-p', COMPILER, 'asc', source, ...FLAGS, '-o', wasm], { stdio: 'inherit' });
    const lines = (
      readFileSync(wasm)
        .toString('base64')
        .match(/.{1,100}/g) ?? []
    ).map((line) => `  '${line}',`);
    const sha256 = createHash('sha256');
    const files = readdirSync(dirname(source)).filter((name) => name.endsWith('.ts'));
    for (const name of files.toSorted()) sha256.update(readFileSync(join(dirname(source), name)));
    writeFileSync(
      target,
      [
        `// Made from ${source} by build.mjs with ${COMPILER}.`,
        `export const SOURCE_SHA256 = '${sha256.digest('hex')}';`,
        'export const WASM_BASE64 = [',
        ...lines,
        "].join('');",
        '',
      ].join('\n'),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

build(argv[2], argv[3]);
