import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

let piped: Promise<string[]> | undefined;

/** Reads a secret without showing it: typed at a terminal, or the next line of what is piped in; '' when there is none. */
export async function askSecret(question: string): Promise<string> {
  if (process.stdin.isTTY !== true) {
    piped ??= text(process.stdin).then((all) => all.split(/\r?\n/));
    return (await piped).shift() ?? '';
  }
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await new Promise<string>((resolve) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(''));
    });
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
