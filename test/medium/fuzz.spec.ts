import { CONTENT_ROUTES, type Route, type RouteName, ROUTES } from '@understudy/contracts';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { addSide, knockerOf, type Side } from './access-world.js';
import { TestCoordinator } from './coordinator.js';

/** Runs of each route; `FUZZ_RUNS` asks for more. Fixed seed: a failure comes back. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? '12');
const SEED = 20_261_123;
const MOST_MS = 10_000;

type JsonSchema = Record<string, unknown>;

let farm: TestCoordinator;
let side: Side;
let tokens: Record<string, string>;
beforeAll(async () => {
  farm = await TestCoordinator.start({ LEASE_SECONDS: '60' });
  side = await addSide(farm);
  const somebody = async (roles: Parameters<typeof knockerOf>[2]) => (await knockerOf(farm, side, roles)).token ?? '';
  tokens = {
    admin: await somebody({ farm: 'org_admin' }),
    operator: await somebody({ farm: 'farm_operator' }),
    producer: await somebody({ project: 'producer' }),
    // Signed out by nobody: the routes that end a session are asked as the first.
    second: await somebody({ project: 'producer' }),
    officer: await somebody({ project: 'consent_officer' }),
    worker: side.workerToken,
  };
});
afterAll(() => farm.stop());

/** What people and programs put into text fields to see what happens. None of it may reach SQL, a shell or a path. */
const NASTY = [
  "'; DROP TABLE users; --",
  "' OR '1'='1",
  '$(touch /tmp/pwned)',
  '`id`',
  '; rm -rf /',
  '| nc 127.0.0.1 1',
  '../../../../etc/passwd',
  '..\\..\\windows\\win.ini',
  '/etc/passwd',
  'file:///etc/passwd',
  'http://169.254.169.254/latest/meta-data/',
  '<script>alert(1)</script>',
  '{{7*7}}${7*7}',
  '%00',
  '%2e%2e%2f',
  '\u0000',
  '\uD800',
  '\u202Etxt.exe',
  'A'.repeat(5000),
  '1e309',
  '-0',
  'NaN',
  '__proto__',
  'constructor',
  '\r\nSet-Cookie: understudy_session=x',
  '2026-02-30T25:61:61Z',
  '9999-12-31T23:59:59.999999999+23:59',
  '0001-01-01T00:00:00Z',
] as const;

const anything = fc.oneof(
  fc.constantFrom(...NASTY),
  fc.constantFrom(null, true, false, 0, -1, 1e308, 2 ** 53, -(2 ** 63), 0.1, [], {}, '', [[]], [null]),
  fc.string({ maxLength: 200, unit: 'binary' }),
  fc.jsonValue({ maxDepth: 3 }),
);

/** Values near a JSON Schema: mostly of it, so that they come past the door, and now and then anything at all. */
function near(schema: JsonSchema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 12, arbitrary: ofSchema(schema) }, { weight: 1, arbitrary: anything });
}

function ofSchema(schema: JsonSchema): fc.Arbitrary<unknown> {
  const { type, anyOf, oneOf, allOf, format, pattern } = schema;
  if ('const' in schema) return fc.constant(schema['const']);
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
  const choices = (anyOf ?? oneOf ?? allOf) as JsonSchema[] | undefined;
  if (choices !== undefined) return fc.oneof(...choices.map(near));
  if (type === 'object') return ofObject(schema);
  if (type === 'array') return ofArray(schema);
  if (type === 'boolean') return fc.boolean();
  if (type === 'integer') return fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1, 2 ** 31, 2 ** 53 - 1));
  if (type === 'number') return fc.double();
  if (type !== 'string') return anything;
  if (format === 'uuid') return fc.oneof(fc.uuid(), fc.constantFrom(...Object.values(side).map(String)));
  if (format === 'date-time') return fc.date({ noInvalidDate: true }).map((at) => at.toISOString());
  if (format === 'email') return fc.emailAddress();
  if (typeof pattern === 'string' && pattern.length < 200) {
    return fc.oneof(
      { weight: 4, arbitrary: fc.stringMatching(new RegExp(pattern)) },
      { weight: 1, arbitrary: anything },
    );
  }
  return fc.oneof(fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }), fc.constantFrom(...NASTY));
}

/** A tuple says what stands at each place, and then that nothing follows. */
function ofArray(schema: JsonSchema): fc.Arbitrary<unknown> {
  const places = schema['prefixItems'] as JsonSchema[] | undefined;
  if (places !== undefined) return fc.tuple(...places.map(near));
  return fc.array(near((schema['items'] as JsonSchema | undefined) ?? {}), { maxLength: 4 });
}

function ofObject(schema: JsonSchema): fc.Arbitrary<unknown> {
  const properties = (schema['properties'] ?? {}) as Record<string, JsonSchema>;
  const required = new Set((schema['required'] ?? []) as string[]);
  const members = Object.fromEntries(Object.entries(properties).map(([name, of]) => [name, near(of)]));
  return fc
    .record(members, { requiredKeys: Object.keys(properties).filter((name) => required.has(name)) })
    .chain((value) =>
      fc.oneof(
        { weight: 6, arbitrary: fc.constant(value) },
        { weight: 1, arbitrary: fc.constantFrom(...NASTY).map((name) => ({ ...value, [name]: name })) },
      ),
    );
}

const jsonSchemaOf = (schema: z.ZodType): JsonSchema =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', target: 'draft-2020-12' }) as JsonSchema;

/** What an answer must never hold: how the inside looks, or somebody's secret. */
const LEAKS: readonly [string, RegExp][] = [
  ['a stack', /\n\s+at |node_modules|\/src\/|\.ts:\d|\.js:\d/],
  ['SQL', /syntax error at|SELECT .* FROM|INSERT INTO|relation "|violates|prisma/i],
  ['a password hash', /\$argon2/],
  ['a secret', /postgres(ql)?:\/\//],
];

interface Sent {
  readonly status: number;
  readonly text: string;
  readonly ms: number;
}

async function send(method: string, path: string, options: Parameters<TestCoordinator['send']>[2]): Promise<Sent> {
  const began = performance.now();
  const response = await farm.send(method, path, options);
  // Streams and long polls are not read to their end.
  const text = response.headers.get('content-type')?.startsWith('text/event-stream')
    ? (await response.body?.cancel(), '')
    : await response.text();
  return { status: response.status, text, ms: performance.now() - began };
}

function requireDecent({ status, text, ms }: Sent, what: string): void {
  expect(status, `${what}: ${text.slice(0, 500)}`).toBeLessThan(500);
  expect(ms, `${what} took too long`).toBeLessThan(MOST_MS);
  if (status >= 400) {
    for (const [name, pattern] of LEAKS)
      expect(pattern.test(text), `${what} leaks ${name}: ${text.slice(0, 500)}`).toBe(false);
  }
}

/** Who comes furthest at a route. */
function tokenFor(name: RouteName): string | undefined {
  if (name === 'signIn') return undefined;
  if (/Lane|Task$|Orders|Attempt/.test(name) && name !== 'listShotTasks') return tokens['worker'];
  if (/User|createProject|grantMembership/.test(name)) return tokens['admin'];
  if (/Worker/.test(name)) return tokens['operator'];
  return /activate|decline|lift/.test(name) ? tokens['officer'] : tokens['producer'];
}

/** Ending what the others stand on comes last. */
const LAST = ['revokeConsent', 'revokeToken', 'signOut', 'createToken'];
const routes = (Object.entries(ROUTES) as [RouteName, Route][]).toSorted(
  ([one], [other]) => LAST.indexOf(one) - LAST.indexOf(other),
);

const pathOf = (path: string, of: (name: string) => string): string =>
  path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(of(name)));
const held = (name: string): string => String((side as unknown as Record<string, unknown>)[name] ?? 'x');
const asQuery = (value: unknown): string =>
  Object.entries((value ?? {}) as Record<string, unknown>)
    .map(([name, one]) => `${encodeURIComponent(toWell(name))}=${encodeURIComponent(toWell(String(one)))}`)
    .join('&');
/** A lone surrogate has no form in a URL. */
const toWell = (text: string): string => Buffer.from(text, 'utf8').toString('utf8');

describe('whatever is sent', () => {
  it.each(routes.map(([name, route]) => ({ name, route })))(
    '$name answers below 500, in time, and tells nothing of its inside',
    { timeout: 120_000 },
    async ({ name, route }) => {
      const body = route.body === undefined ? fc.constant(undefined) : near(jsonSchemaOf(route.body));
      const query = route.query === undefined ? fc.constant({}) : ofObject(jsonSchemaOf(route.query));
      const named = fc.oneof(fc.constant(null), fc.constantFrom(...NASTY));
      await fc.assert(
        fc.asyncProperty(body, query, named, async (sent, asked, nasty) => {
          const path = pathOf(route.path, (param) => (nasty === null ? held(param) : toWell(nasty)));
          const waits = name === 'leaseTask' || name === 'pollOrders';
          const questions = waits ? 'waitSeconds=0' : asQuery(asked);
          const token = tokenFor(name);
          const given = waits && typeof sent === 'object' && sent !== null ? { ...sent, waitSeconds: 0 } : sent;
          const answer = await send(route.method, questions === '' ? path : `${path}?${questions}`, {
            ...(token === undefined ? {} : { token }),
            ...(given === undefined ? {} : { body: given }),
          });
          requireDecent(answer, `${name} with ${JSON.stringify({ given, questions }).slice(0, 2000)}`);
        }),
        { numRuns: RUNS, seed: SEED, endOnFailure: true },
      );
    },
  );
});

describe('bodies that are no JSON of ours', () => {
  const raw = (path: string, body: Buffer | string, headers: Record<string, string>) =>
    fetch(farm.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokens['second']}`, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : new Uint8Array(body),
    });
  const path = ROUTES.submitShot.path;

  it.each<[string, string | Buffer, Record<string, string>, number]>([
    ['cut off', '{"projectId": "', {}, 400],
    ['empty', '', {}, 400],
    ['a bare string', '"x"', {}, 400],
    ['nested ten thousand deep', '['.repeat(10_000) + ']'.repeat(10_000), {}, 400],
    ['with a prototype', '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}', {}, 400],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28]), {}, 400],
    ['larger than 16 MiB', JSON.stringify({ name: 'x'.repeat(17 * 1024 * 1024) }), {}, 413],
    ['said to be compressed', 'not gzip at all', { 'content-encoding': 'gzip' }, 400],
    ['of an unknown encoding', '{}', { 'content-encoding': 'zstd-of-mine' }, 400],
    ['of a foreign alphabet', '{}', { 'content-type': 'application/json; charset=ebcdic' }, 400],
  ])('%s: refused', async (_, body, headers, status) => {
    const answer = await raw(path, body, headers);
    const text = await answer.text();
    requireDecent({ status: answer.status, text, ms: 0 }, path);
    expect(answer.status, text).toBe(status);
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  });
});

describe('after all that', () => {
  it('everything is where it was, and the farm answers', async () => {
    const [row] = await farm.owner.query<{ users: number }>('SELECT count(*)::int AS users FROM users');
    expect(row?.users).toBeGreaterThan(4);
    expect((await farm.call('health', undefined)).status).toBe(200);
  });

  it('every path parameter takes nasty names on binary routes too', async () => {
    for (const path of Object.values(CONTENT_ROUTES)) {
      for (const nasty of NASTY) {
        const filled = pathOf(path, () => toWell(nasty));
        if (filled === path) break;
        const answer = await send('GET', filled, { token: tokens['second'] ?? '' });
        requireDecent(answer, filled);
        expect(answer.status, filled).toBeGreaterThanOrEqual(400);
      }
    }
  });
});
