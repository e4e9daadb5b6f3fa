import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createNodeClient, type NodeClient } from './node-client.js';

const PATH = '/api/v1/attempts/1/result';
const content = randomBytes(700_000);
const sha256 = createHash('sha256').update(content).digest('hex');

let folder: string;
let client: NodeClient;
let baseUrl: string;
let close: () => void;
let requests: string[];

/** A content route that keeps what arrives, and breaks the connection as often and as early as told. */
class Store {
  received = Buffer.alloc(0);
  cuts: number[] = [];
  ignoreRange = false;

  handle(request: IncomingMessage, response: ServerResponse): void {
    requests.push(`${request.method} ${request.url} ${request.headers.range ?? ''}`.trim());
    if (request.method === 'HEAD') response.writeHead(200, { 'upload-offset': this.received.length }).end();
    else if (request.method === 'PUT') this.append(request, response);
    else this.send(request, response);
  }

  private append(request: IncomingMessage, response: ServerResponse): void {
    const offset = Number(new URL(request.url ?? '', 'http://x').searchParams.get('offset'));
    if (offset !== this.received.length) {
      const body = JSON.stringify({ error: { code: 'CONFLICT', message: 'another offset' } });
      response.writeHead(409).end(body);
      return;
    }
    const cut = this.cuts.shift() ?? Infinity;
    let taken = 0;
    request.on('data', (chunk: Buffer) => {
      if (taken >= cut) return;
      this.received = Buffer.concat([this.received, chunk]);
      taken += chunk.length;
      if (taken >= cut) request.socket.destroy();
    });
    request.on('end', () => response.writeHead(200, { 'upload-offset': this.received.length }).end('{"ok":true}'));
  }

  private send(request: IncomingMessage, response: ServerResponse): void {
    const range = this.ignoreRange ? null : /bytes=(\d+)-/.exec(request.headers.range ?? '');
    const rest = content.subarray(Number(range?.[1] ?? 0));
    response.writeHead(range === null ? 200 : 206, { 'content-length': rest.length });
    const cut = this.cuts.shift();
    if (cut === undefined) response.end(rest);
    else response.write(rest.subarray(0, cut), () => setTimeout(() => request.socket.destroy(), 20));
  }
}

let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-client-'));
  store = new Store();
  requests = [];
  const server = createServer((request, response) => store.handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = createNodeClient({ baseUrl, token: 't' });
  close = () => {
    client.close();
    server.closeAllConnections();
    server.close();
  };
});

afterEach(async () => {
  close();
  await rm(folder, { recursive: true, force: true });
});

async function upload() {
  const path = join(folder, 'segment');
  await writeFile(path, content);
  return client.uploadContent(PATH, path);
}

const target = () => join(folder, 'plate');

describe('uploadContent', () => {
  it('sends a file whole', async () => {
    expect(await upload()).toEqual({ bytes: content.length });
    expect(store.received.equals(content)).toBe(true);
    expect(requests).toEqual([`HEAD ${PATH}`, `PUT ${PATH}?offset=0`]);
  });

  it('goes on where each of several cuts left it', async () => {
    store.cuts = [100_000, 1, 200_000];
    await upload();
    expect(store.received.equals(content)).toBe(true);
    const offsets = requests.filter((line) => line.startsWith('PUT')).map((line) => Number(line.split('=')[1]));
    expect(offsets).toHaveLength(4);
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    expect(new Set(offsets).size).toBe(4);
  });

  it('sends only what is missing', async () => {
    store.received = content.subarray(0, 650_000);
    await upload();
    expect(requests).toEqual([`HEAD ${PATH}`, `PUT ${PATH}?offset=650000`]);
    expect(store.received.equals(content)).toBe(true);
  });

  it('gives up on a coordinator that holds more than the file', async () => {
    store.received = Buffer.alloc(content.length + 1);
    await expect(upload()).rejects.toMatchObject({ code: 'UPLOAD_MISMATCH' });
  });

  it("stops at a refusal with the coordinator's code", async () => {
    store.handle = (request, response) => {
      if (request.method === 'HEAD') response.writeHead(200, { 'upload-offset': 0 }).end();
      else response.writeHead(409).end(JSON.stringify({ error: { code: 'STALE_EPOCH', message: 'late' } }));
    };
    await expect(upload()).rejects.toMatchObject({ code: 'STALE_EPOCH' });
  });
});

describe('downloadContent', () => {
  it('brings the content whole and verified', async () => {
    const result = await client.downloadContent('/object', target(), { sha256 });
    expect(result).toEqual({ bytes: content.length, sha256 });
    expect((await readFile(target())).equals(content)).toBe(true);
  });

  it('goes on by range after cuts', async () => {
    store.cuts = [200_000, 300_000];
    await client.downloadContent('/object', target(), { sha256 });
    expect((await readFile(target())).equals(content)).toBe(true);
    expect(requests.length).toBe(3);
    expect(requests.at(-1)).toMatch(/bytes=\d+-$/);
  });

  it('starts over where ranges are not kept', async () => {
    store.cuts = [200_000];
    store.ignoreRange = true;
    await client.downloadContent('/object', target(), { sha256 });
    expect((await readFile(target())).equals(content)).toBe(true);
  });

  it('leaves nothing behind when the hash is another', async () => {
    const download = client.downloadContent('/object', target(), { sha256: '0'.repeat(64) });
    await expect(download).rejects.toMatchObject({ code: 'UPLOAD_MISMATCH' });
    expect(await readdir(folder)).toEqual([]);
  });

  it('takes no more than announced', async () => {
    const download = client.downloadContent('/object', target(), { bytes: 1000 });
    await expect(download).rejects.toMatchObject({ code: 'UPLOAD_MISMATCH' });
    expect(await readdir(folder)).toEqual([]);
  });

  it('says that the folder can not be written', async () => {
    const download = client.downloadContent('/object', join(folder, 'absent', 'plate'));
    await expect(download).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
  });

  it('never sends its token elsewhere', async () => {
    await expect(client.downloadContent('http://127.0.0.1:1/object', target())).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
    });
    await expect(client.downloadContent('//127.0.0.1:1/object', target())).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
    });
  });
});

it('the example of the README runs as it stands there', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```ts\nimport \{ createNodeClient \} from '@understudy\/client\/node';\n([\s\S]*?)```/.exec(
    readme,
  )?.[1];
  const handle = store.handle.bind(store);
  store.handle = (request, response) =>
    request.url === '/api/v1/health'
      ? void response
          .writeHead(200)
          .end(JSON.stringify({ status: 'ok', version: '1.2.3', leases: { given: true, reason: null } }))
      : handle(request, response);
  const [file, copy] = [join(folder, 'segment'), join(folder, 'copy')];
  await writeFile(file, content);
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- the text is our own README
  const run = new Function(
    'createNodeClient, baseUrl, token, file, copy, console',
    `return (async () => { ${example}; return { version, sha256 }; })();`,
  ) as (...values: unknown[]) => Promise<unknown>;
  const log: unknown[] = [];
  const said = { log: (...values: unknown[]) => log.push(values) };
  expect(await run(createNodeClient, baseUrl, 't', file, copy, said)).toEqual({ version: '1.2.3', sha256 });
  expect(log.at(-1)).toEqual([content.length, content.length]);
});
