import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { guardedBackend } from './guarded-backend.js';

class FakeClient extends EventEmitter {
  ended = false;
  async end(): Promise<void> {
    this.ended = true;
  }
}

function fakeConnection() {
  const listening = new FakeClient();
  return { pool: new EventEmitter(), listening, getListenClient: async () => listening };
}

describe('guardedBackend', () => {
  it('hears the break of a pool’s client, in use or not', () => {
    const connection = fakeConnection();
    guardedBackend({ connection });
    const client = new FakeClient();
    connection.pool.emit('connect', client);
    expect(() => client.emit('error', new Error('read ECONNRESET'))).not.toThrow();
  });

  it('hears the break of the listening client once it is being closed and nobody else does', async () => {
    const connection = fakeConnection();
    guardedBackend({ connection });
    const client = await connection.getListenClient();
    await connection.getListenClient();
    client.removeAllListeners();
    await client.end();
    expect(client.ended).toBe(true);
    expect(client.listenerCount('error')).toBe(1);
    expect(() => client.emit('error', new Error('terminating connection'))).not.toThrow();
  });

  it('leaves another backend alone', () => {
    const redis = { connection: { client: {} } };
    expect(guardedBackend(redis)).toBe(redis);
  });
});
