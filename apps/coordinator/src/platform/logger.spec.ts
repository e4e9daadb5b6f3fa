import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.js';

function logged(write: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown> {
  const lines: string[] = [];
  write(createLogger('info', { write: (line: string) => void lines.push(line) }));
  return JSON.parse(lines.join('')) as Record<string, unknown>;
}

describe('the log', () => {
  it('tells an error and its cause, and nothing that hangs on them', () => {
    const cause = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', client: { password: 'hunter2' } });
    const line = logged((logger) => logger.error({ err: new Error('no answer', { cause }) }, 'a loop failed'));
    expect(line).toMatchObject({
      level: 'error',
      msg: 'a loop failed',
      err: { message: 'no answer', cause: { message: 'read ECONNRESET', code: 'ECONNRESET' } },
    });
    expect(JSON.stringify(line)).not.toContain('hunter2');
  });

  it('drops secrets that somebody hands over', () => {
    const line = logged((logger) => logger.info({ secret: 'uss_1', request: { password: 'hunter2' } }, 'signed in'));
    expect(JSON.stringify(line)).not.toMatch(/uss_1|hunter2/);
  });
});
