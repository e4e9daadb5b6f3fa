import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '@understudy/db';

/** What keeps the stages from being tested on a Redis here; null when nothing does. */
export function lacksRedis(): string | null {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'there is no redis-server on the PATH';
  }
}

/** A Redis of one's own on a free port, that keeps nothing on disk. */
export class TestRedis {
  private constructor(
    private readonly server: ChildProcess,
    private readonly port: number,
  ) {}

  static async start(): Promise<TestRedis> {
    const port = await freePort();
    const settings = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
    const server = spawn('redis-server', ['--port', String(port), ...settings], { stdio: 'ignore' });
    const redis = new TestRedis(server, port);
    for (let tries = 0; (await redis.ask('PING').catch(() => '')) !== '+PONG'; tries += 1) {
      if (tries > 200) throw new Error('redis-server did not answer');
      await delay(50);
    }
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** One command in Redis' inline form. @returns the first line of the answer */
  async ask(command: string): Promise<string> {
    return await new Promise((resolve, reject) => {
      const socket = connect(this.port, '127.0.0.1', () => socket.write(`${command}\r\n`));
      socket.once('error', reject);
      socket.once('data', (data) => {
        socket.destroy();
        resolve(data.toString().split('\r\n')[0] ?? '');
      });
    });
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.server.once('exit', resolve));
    this.server.kill('SIGTERM');
    await ended;
  }
}
