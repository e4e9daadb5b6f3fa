import { LockedBucket, type LockedBucketOptions } from '@understudy/storage';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeBucket } from './fake-bucket.js';

const DAY_MS = 86_400_000;

let server: FakeBucket;
beforeEach(async () => {
  server = await FakeBucket.start();
});
afterEach(() => server.stop());

const open = (options: Partial<LockedBucketOptions> = {}): LockedBucket =>
  new LockedBucket({
    endpoint: server.endpoint,
    bucket: server.name,
    region: FakeBucket.region,
    ...FakeBucket.credentials,
    retentionDays: 30,
    timeoutMs: 2_000,
    ...options,
  });
const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');
const refused = (work: Promise<unknown>): Promise<{ code?: unknown; message: string; cause?: unknown }> =>
  work.then(
    () => ({ message: 'nothing was refused' }),
    (thrown: Error) => thrown,
  );
async function listed(bucket: LockedBucket, prefix: string, after?: string): Promise<string[]> {
  const found: string[] = [];
  for await (const version of bucket.originals(prefix, after)) {
    found.push(`${version.key} ${(await bucket.get(version)).toString('utf8')}`);
  }
  return found;
}

describe('a bucket with object lock', () => {
  it('keeps what is put there for its time, under signatures that it works out for itself', async () => {
    expect(await open().hasObjectLock()).toBe(true);
    expect(await open().put('p/an odd (name)+é$', bytes('one'))).toBe(true);
    const [version] = server.objects.get('p/an odd (name)+é$') ?? [];
    expect(version).toMatchObject({ body: bytes('one'), mode: 'COMPLIANCE' });
    expect(Math.abs((version?.until ?? 0) - (Date.now() + 30 * DAY_MS))).toBeLessThan(60_000);
    expect(() => server.deleteVersion('p/an odd (name)+é$', version?.id ?? '')).toThrow('AccessDenied');
    expect(await listed(open(), 'p/')).toEqual(['p/an odd (name)+é$ one']);
  });

  it('puts nothing over what is there', async () => {
    await open().put('p/a', bytes('one'));
    expect(await open().put('p/a', bytes('two'))).toBe(false);
    expect(server.objects.get('p/a')).toHaveLength(1);
  });

  it('gives what was stored first where later versions and delete markers hide it, however versions are ordered', async () => {
    for (const name of ['a', 'b', 'c']) await open().put(`p/${name}`, bytes(`first ${name}`));
    // So that a listing's order decides nothing.
    await new Promise((resolve) => setTimeout(resolve, 5));
    server.write('p/a', bytes('forged'));
    server.write('p/b', null);
    server.write('p/b', bytes('forged again'));
    server.write('p/d', null);
    for (server.oldestFirst of [false, true]) {
      for (server.pageSize of [1000, 2, 1]) {
        expect(await listed(open(), 'p/')).toEqual(['p/a first a', 'p/b first b', 'p/c first c']);
        expect(await listed(open(), 'p/', 'p/a~')).toEqual(['p/b first b', 'p/c first c']);
      }
    }
  });

  it('names folders over all pages', async () => {
    for (const key of ['p/x-1/a', 'p/x-1/b', 'p/x-2/a', 'p/other/a', 'p/x']) await open().put(key, bytes(key));
    for (server.pageSize of [1000, 1]) {
      expect([...new Set(await open().folders('p/x'))]).toEqual(['p/x-1/', 'p/x-2/']);
    }
  });

  it('takes no part of a listing for the whole, and ends with a server that does not', async () => {
    for (const name of ['a', 'b', 'c']) await open().put(`p/${name}`, bytes(name));
    server.pageSize = 2;
    server.failing = 'cut';
    expect(await refused(listed(open(), 'p/'))).toMatchObject({ code: 'BUCKET_UNAVAILABLE' });
    server.failing = 'endless';
    expect((await refused(listed(open(), 'p/'))).message).toMatch(/without end/);
  });

  it("goes by the bucket's clock where this host's is wrong", async () => {
    for (const aheadMs of [-400 * DAY_MS, 400 * DAY_MS]) {
      server.aheadMs = aheadMs;
      const bucket = open();
      const key = `p/${aheadMs}`;
      expect(await bucket.put(key, bytes('one'))).toBe(true);
      const [version] = server.objects.get(key) ?? [];
      expect(Math.abs((version?.until ?? 0) - (Date.now() + aheadMs + 30 * DAY_MS))).toBeLessThan(60_000);
      const asked = server.requests.length;
      expect(await listed(bucket, key)).toHaveLength(1);
      expect(server.requests.length - asked).toBe(2);
    }
  });

  it('does without conditions where the server knows none', async () => {
    server.conditions = false;
    expect(await open().put('p/a', bytes('one'))).toBe(true);
    expect(await open().put('p/a', bytes('two'))).toBe(true);
    expect(await listed(open(), 'p/')).toEqual(['p/a one']);
  });

  it('says that nothing would be locked', async () => {
    server.objectLock = false;
    expect(await open().hasObjectLock()).toBe(false);
    expect((await refused(open().put('p/a', bytes('one')))).message).toMatch(/object lock/);
    expect(server.keys).toEqual([]);
  });

  it.each([
    ['a wrong secret', { secretAccessKey: 'another/secret' }, /SignatureDoesNotMatch/],
    ['an unknown key', { accessKeyId: 'AKIAUNKNOWN' }, /InvalidAccessKeyId/],
    ['another region', { region: 'us-west-1' }, /AuthorizationHeaderMalformed.*region/],
    ['another bucket', { bucket: 'elsewhere' }, /NoSuchBucket/],
  ])('refuses %s, and says which without a secret', async (_, options, said) => {
    const error = await refused(open(options).put('p/a', bytes('one')));
    expect(error).toMatchObject({ code: 'BUCKET_UNAVAILABLE' });
    expect(error.message).toMatch(said);
    const whole = JSON.stringify([error.message, error.cause, (error as Error).stack]);
    expect(whole).not.toContain(FakeBucket.credentials.secretAccessKey);
    expect(whole).not.toContain(FakeBucket.credentials.accessKeyId);
  });

  it('is unavailable while it answers 503, not at all, or is gone', async () => {
    server.failing = { status: 503, code: 'SlowDown' };
    expect((await refused(open().hasObjectLock())).message).toMatch(/503 SlowDown/);
    server.failing = 'never';
    expect(await refused(open({ timeoutMs: 200 }).hasObjectLock())).toMatchObject({ code: 'BUCKET_UNAVAILABLE' });
    const { endpoint } = server;
    await server.stop();
    expect(await refused(open({ endpoint }).put('p/a', bytes('one')))).toMatchObject({ code: 'BUCKET_UNAVAILABLE' });
    server = await FakeBucket.start();
  });

  it('is never followed to another host', async () => {
    server.failing = { status: 307, code: 'TemporaryRedirect' };
    expect((await refused(open().hasObjectLock())).message).toMatch(/307 TemporaryRedirect/);
    expect(server.requests).toHaveLength(1);
  });
});
