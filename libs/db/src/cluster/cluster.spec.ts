import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Cluster, freePort, startCluster } from './cluster.js';
import { chmod } from 'node:fs/promises';

describe('startCluster', () => {
  let dir: string;
  const running: Cluster[] = [];

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'understudy-cluster-'));
    await chmod(dir, 0o755);
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((cluster) => cluster.stop()));
    await rm(dir, { recursive: true, force: true });
  });

  const start = async (port?: number): Promise<Cluster> => {
    const cluster = await startCluster({
      dataDir: join(dir, 'pg'),
      password: 'a pass word/with:signs',
      durable: false,
      ...(port === undefined ? {} : { port }),
    });
    running.push(cluster);
    return cluster;
  };
  const ask = async (url: string, sql: string): Promise<unknown[]> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  };

  it('keeps what was committed over stop and start', async () => {
    const first = await start();
    await ask(first.url(), 'create table kept (n int); insert into kept values (7)');
    await first.stop();
    const second = await start();
    expect(await ask(second.url(), 'select n from kept')).toEqual([{ n: 7 }]);
  });

  it('says that a port is busy', async () => {
    const port = await freePort();
    const holder = spawn(process.execPath, [
      '-e',
      `require('net').createServer().listen(${port},'127.0.0.1',()=>console.log('up'))`,
    ]);
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    try {
      await expect(start(port)).rejects.toMatchObject({ code: 'PORT_BUSY' });
    } finally {
      holder.kill('SIGKILL');
    }
  });

  it('refuses a wrong password', async () => {
    const cluster = await start();
    const wrong = cluster.url().replace(/:[^:@]+@/, ':wrong@');
    await expect(ask(wrong, 'select 1')).rejects.toThrow(/password/);
  });
});
