import { createProgram } from './program.js';
import { reportError } from './terminal/report-error.js';

const wantsJson = process.argv.includes('--json');
try {
  await (await createProgram(process.argv[2])).parseAsync(process.argv);
} catch (thrown) {
  process.exitCode = reportError(thrown, wantsJson);
}
