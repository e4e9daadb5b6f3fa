import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { CONTENT_ROUTES, FARM_ROLES, PROJECT_ROLES, type Route, type RouteName, ROUTES } from '@understudy/contracts';
import { abilityOf, type ActorRoles, rulesOf } from '@understudy/policy';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ACCESS, type Access, ROUTE } from '../../apps/coordinator/src/access/permission.js';
import { addSide, type Knocker, knockerOf, type Side } from './access-world.js';
import { TestCoordinator } from './coordinator.js';
import { BODIES, QUERIES } from './request-bodies.js';

/** Runs of each route; `FUZZ_RUNS` asks for more. Fixed seed: a failure comes back. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? '8');
const SEED = 20_261_123;
const MOST_MS = 10_000;
/** Texts of one body that are spoilt; those of a model pack's manifest are many. */
const MOST_TEXTS = 12;

type JsonSchema = Record<string, unknown>;

let farm: TestCoordinator;
/** Of every project and worker that was made for a route: what a path or a body may name. */
const known: string[] = ['00000000-0000-4000-8000-000000000000'];
let bystander = '';
const permissions = new Map<RouteName, Access>();
beforeAll(async () => {
  farm = await TestCoordinator.start({ LEASE_SECONDS: '60' });
  const side = await addSide(farm);
  bystander = (await knockerOf(farm, side, { project: 'producer' })).token ?? '';
  const scanner = new MetadataScanner();
  for (const { metatype } of farm.app.get(DiscoveryService, { strict: false }).getControllers()) {
    const prototype = metatype?.prototype as Record<string, object> | undefined;
    if (prototype === undefined) continue;
    for (const method of scanner.getAllMethodNames(prototype)) {
      const handler = prototype[method] ?? {};
      const route = Reflect.getMetadata(ROUTE, handler) as { name: RouteName } | undefined;
      if (route !== undefined) permissions.set(route.name, Reflect.getMetadata(ACCESS, handler) as Access);
    }
  }
});
afterAll(() => farm.stop());

/** Everybody who could ask, by what they are: who asks a route is read off the abilities, as the routes' own guard does. */
const ASKERS: readonly (readonly [Partial<ActorRoles>, Parameters<typeof knockerOf>[2] | 'worker'])[] = [
  ...FARM_ROLES.map((farm) => [{ farmRoles: [farm] }, { farm }] as const),
  ...PROJECT_ROLES.map((role) => [{ memberships: [{ projectId: 'p', role }] }, { project: role }] as const),
  [{ performers: ['p'] }, { performer: true }],
  [{ kind: 'worker' }, 'worker'],
];

/** Whoever may ask a route at all, each with a token of their own that nothing before has ended. */
async function askersOf(name: RouteName, side: Side): Promise<Knocker[]> {
  const access = permissions.get(name);
  if (access === undefined) throw new Error(`${name} is served by no handler`);
  if (!('action' in access)) return [{ token: undefined, own: side }];
  const nobody: ActorRoles = { kind: 'user', id: 'p', farmRoles: [], memberships: [] };
  const able = ASKERS.filter(([roles]) =>
    abilityOf(rulesOf({ ...nobody, ...roles })).can(access.action, access.subject),
  );
  const knockers: Knocker[] = [];
  for (const [, roles] of able) {
    const key = JSON.stringify(roles);
    const there = asked.get(key);
    const made =
      there ?? (roles === 'worker' ? { token: side.workerToken, own: side } : await knockerOf(farm, side, roles));
    asked.set(key, made);
    knockers.push(made);
  }
  return knockers;
}

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
  if (format === 'uuid')
    return fc.oneof(
      fc.uuid(),
      fc.nat().map((at) => known[at % known.length]),
    );
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

/** Those that change nothing come first: they can be asked about one and the same world. */
const routes = (Object.entries(ROUTES) as [RouteName, Route][]).toSorted(
  ([, one], [, other]) => Number(one.method !== 'GET') - Number(other.method !== 'GET'),
);
const asked = new Map<string, Knocker>();
let world: Promise<Side> | undefined;

/** Of whatever an earlier route destroyed nothing is named again. */
async function worldFor(route: Route): Promise<Side> {
  if (route.method !== 'GET') {
    world = undefined;
    asked.clear();
  }
  world ??= addSide(farm);
  const side = await world;
  known.splice(0, known.length, ...Object.values(side).filter((id) => !id.startsWith('ust')));
  return side;
}

const pathOf = (path: string, of: (name: string) => string): string =>
  path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(of(name)));

function heldBy(own: Side, name: string): string {
  const value = ({ ...own, sha256: 'a'.repeat(64), side: 'before' } as Record<string, unknown>)[name];
  if (typeof value !== 'string') throw new Error(`the fixture has nothing for :${name}`);
  return value;
}

const asQuery = (value: unknown): string =>
  Object.entries((value ?? {}) as Record<string, unknown>)
    .map(([name, one]) => `${encodeURIComponent(toWell(name))}=${encodeURIComponent(toWell(String(one)))}`)
    .join('&');
/** A lone surrogate has no form in a URL. */
const toWell = (text: string): string => Buffer.from(text, 'utf8').toString('utf8');

/** Every text of a body that its schema takes, one at a time, as something nasty. */
function spoilt(body: unknown, nasty: string): unknown[] {
  if (typeof body === 'string') return [nasty];
  if (typeof body !== 'object' || body === null) return [];
  return Object.entries(body).flatMap(([name, one]) =>
    spoilt(one, nasty).map((other) =>
      Array.isArray(body) ? body.with(Number(name), other) : { ...body, [name]: other },
    ),
  );
}

/** Sends one request as somebody who may ask it. */
async function ask(
  name: RouteName,
  { token, own }: Knocker,
  { body, questions, param }: { body: unknown; questions: string; param?: string },
): Promise<number> {
  const route: Route = ROUTES[name];
  const path = pathOf(route.path, (held) => param ?? heldBy(own, held));
  const waits = name === 'leaseTask' || name === 'pollOrders';
  const asked = waits ? 'waitSeconds=0' : questions;
  const given = waits && typeof body === 'object' && body !== null ? { ...body, waitSeconds: 0 } : body;
  const answer = await send(route.method, asked === '' ? path : `${path}?${asked}`, {
    ...(token === undefined ? {} : { token }),
    ...(given === undefined ? {} : { body: given }),
  });
  requireDecent(answer, `${name} with ${JSON.stringify({ param, given, questions }).slice(0, 2000)}`);
  // What was asked before may have ended the token, or shut out its owner: the next request is let in again.
  if (answer.status === 401) {
    await farm.owner.query('UPDATE tokens SET revoked_at = NULL WHERE revoked_at IS NOT NULL');
    await farm.owner.query('UPDATE users SET disabled_at = NULL WHERE disabled_at IS NOT NULL');
  }
  return answer.status;
}

describe('whatever is sent', () => {
  it.each(routes.map(([name, route]) => ({ name, route })))(
    '$name answers below 500, in time, and tells nothing of its inside',
    { timeout: 120_000 },
    async ({ name, route }) => {
      const side = await worldFor(route);
      const askers = await askersOf(name, side);
      const statuses: number[] = [];
      const asking = async (index: number, what: Parameters<typeof ask>[2]): Promise<void> => {
        const asker = askers[index % askers.length];
        if (asker === undefined) throw new Error(`nobody may ask ${name}`);
        statuses.push(await ask(name, asker, what));
      };
      const valid = route.body === undefined ? () => undefined : (BODIES[name] ?? (() => ({})));
      // First as it is meant, by everybody who may: what follows is known to come past the door.
      for (const [index] of askers.entries()) {
        await asking(index, { body: valid(side), questions: QUERIES[name] ?? '' });
      }
      // Then with every text of the body spoilt by itself, each by another of the nasty ones.
      for (let index = 0, of = 1; index < of; index += 1) {
        const bodies = spoilt(valid(side), NASTY[(index + name.length) % NASTY.length] ?? '');
        of = Math.min(bodies.length, MOST_TEXTS);
        if (of > 0) await asking(index, { body: bodies[index], questions: QUERIES[name] ?? '' });
      }
      for (const body of spoilt(valid(side), '\u0000').slice(0, 1)) await asking(0, { body, questions: '' });
      const body = route.body === undefined ? fc.constant(undefined) : near(jsonSchemaOf(route.body));
      const query = route.query === undefined ? fc.constant({}) : ofObject(jsonSchemaOf(route.query));
      const named = fc.oneof({ weight: 2, arbitrary: fc.constant(null) }, fc.constantFrom(...NASTY));
      await fc.assert(
        fc.asyncProperty(body, query, named, fc.nat(), async (sent, asked, nasty, index) => {
          await asking(index, {
            body: sent,
            questions: asQuery(asked),
            ...(nasty === null ? {} : { param: toWell(nasty) }),
          });
        }),
        { numRuns: RUNS, seed: SEED, endOnFailure: true },
      );
      // A route that lets nobody in answers everything decently, and shows nothing.
      expect(
        statuses.filter((status) => status !== 401 && status !== 403).length,
        `${name}: ${statuses}`,
      ).toBeGreaterThan(0);
    },
  );
});

describe('bodies that are no JSON of ours', () => {
  const raw = (path: string, body: Buffer | string, headers: Record<string, string>) =>
    fetch(farm.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${bystander}`, 'content-type': 'application/json', ...headers },
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
        const answer = await send('GET', filled, { token: bystander });
        requireDecent(answer, filled);
        expect(answer.status, filled).toBeGreaterThanOrEqual(400);
      }
    }
  });
});
