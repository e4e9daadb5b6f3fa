import { CONTENT_ROUTES, type FarmRole, PROJECT_ROLES } from '@understudy/contracts';
import prettier from 'prettier';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Stills } from '../../apps/coordinator/src/stills/stills.js';
import { addSide, type Knocker, knockerOf, type Side } from './access-world.js';
import { TestCoordinator } from './coordinator.js';
import { BODIES, QUERIES } from './request-bodies.js';

/** Everybody who could knock. `stranger` is signed in and has no role; `anonymous` is not signed in. */
const WHO = ['anonymous', 'stranger', 'org_admin', 'farm_operator', ...PROJECT_ROLES, 'performer', 'worker'] as const;
type Who = (typeof WHO)[number];

/** What somebody gets: nothing, what is of their own project (or their own), everything. */
type Reach = '-' | 'own' | 'all';

interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
}
type Paths = Record<string, Record<string, { operationId: string }>>;

const METHODS = new Set(['get', 'post', 'put', 'delete', 'head', 'patch', 'options']);
/** Behind a signature of its own: no token opens it, and no role decides. */
const SIGNED = 'leasedObject';
/** The object is named in the body, not in the path. */
const IN_BODY = new Set(['createAsset', 'submitShot', 'askErasure']);

let farm: TestCoordinator;
let mine: Side;
let theirs: Side;
let operations: Operation[];
const knockers = new Map<Who, Knocker>();

beforeAll(async () => {
  farm = await TestCoordinator.start();
  [mine, theirs] = [await addSide(farm), await addSide(farm)];
  knockers.set('anonymous', { token: undefined, own: mine });
  knockers.set('stranger', await knockerOf(farm, mine, {}));
  for (const role of ['org_admin', 'farm_operator'] satisfies FarmRole[]) {
    knockers.set(role, await knockerOf(farm, mine, { farm: role }));
  }
  for (const role of PROJECT_ROLES) knockers.set(role, await knockerOf(farm, mine, { project: role }));
  knockers.set('performer', await knockerOf(farm, mine, { performer: true }));
  knockers.set('worker', { token: mine.workerToken, own: mine });
  // No media lies behind these shots; who may ask for a picture is decided before one is made.
  vi.spyOn(farm.app.get(Stills), 'png').mockResolvedValue(Buffer.from('png'));
  const { body } = await farm.json<{ paths: Paths }>('GET', CONTENT_ROUTES.openApi);
  operations = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => METHODS.has(method))
      .map(([method, { operationId }]) => ({ id: operationId, method: method.toUpperCase(), path })),
  );
});
afterAll(async () => {
  vi.restoreAllMocks();
  await farm.stop();
});

function filled({ id, path }: Operation, side: Side): string {
  const values: Record<string, string> = { ...side, sha256: 'a'.repeat(64), side: 'before' };
  const named = path.replaceAll(/{(\w+)}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the fixture has nothing for {${name}} of ${path}`);
    return value;
  });
  return QUERIES[id] === undefined ? named : `${named}?${QUERIES[id]}`;
}

async function knock(
  operation: Operation,
  token: string | undefined,
  side: Side,
): Promise<{ status: number; text: string }> {
  const { id, method } = operation;
  const json = BODIES[id]?.(side);
  const body = json ?? (method === 'PUT' ? Buffer.from('x') : method === 'POST' ? {} : undefined);
  const response = await farm.send(method, filled(operation, side), {
    ...(token === undefined ? {} : { token }),
    body,
  });
  if (id !== 'shotStream') return { status: response.status, text: await response.text() };
  await response.body?.cancel();
  return { status: response.status, text: '' };
}

/** What one asker gets of one operation, seen by asking: for what is theirs, and for the same of somebody else. */
async function reachOf(operation: Operation, who: Who): Promise<Reach> {
  const { token, own } = knockers.get(who) as Knocker;
  const first = await knock(operation, token, own);
  if (first.status === 401 || first.status === 403) {
    expect(first.status, `${who} at ${operation.id}`).toBe(who === 'anonymous' && operation.id !== SIGNED ? 401 : 403);
    return '-';
  }
  expect(first.status, `${who} at ${operation.id}: their own is there: ${first.text}`).not.toBe(404);
  expect(first.status, `${who} at ${operation.id}: ${first.text}`).toBeLessThan(500);
  const names = operation.path.includes('{') || IN_BODY.has(operation.id);
  if (!names) return tellsOf(theirs, first.text) || operation.method !== 'GET' ? 'all' : scopeOf(own, first.text);
  const other = await knock(operation, token, theirs);
  if (other.status === 404) return 'own';
  expect(other.status, `${who} at ${operation.id}: another's is not theirs, and not hinted at`).not.toBe(403);
  return 'all';
}

/** Whether a list shows what is of a side's project, or of its performer. */
const tellsOf = ({ projectId, shotVersionId, performerKeyId }: Side, text: string): boolean =>
  [projectId, shotVersionId, performerKeyId].some((id) => text.includes(id));

/** A list that shows what is one's own, and nothing of the other. */
const scopeOf = (own: Side, text: string): Reach => (tellsOf(own, text) ? 'own' : 'all');

/** Whoever gets nowhere must be told the same about what is there and what is not. */
const reaches = new Map<string, Record<Who, Reach>>();

describe('every operation of the OpenAPI document, every role', () => {
  it('is what the coordinator serves, and nothing beside it', () => {
    interface Layer {
      route?: { path: string; methods: Record<string, boolean> };
    }
    const router: unknown = farm.app.getHttpAdapter().getInstance().router;
    const { stack } = router as { stack: Layer[] };
    const served = stack.flatMap(({ route }) =>
      route === undefined || !(route.path.startsWith('/api/') || route.path === CONTENT_ROUTES.metrics)
        ? []
        : Object.keys(route.methods).map(
            (method) => `${method.toUpperCase()} ${route.path.replaceAll(/:(\w+)/g, '{$1}')}`,
          ),
    );
    expect([...new Set(served)].toSorted()).toEqual(
      operations.map(({ method, path }) => `${method} ${path}`).toSorted(),
    );
    expect(served.length).toBeGreaterThan(40);
  });

  it('answers each as docs/ACCESS.md declares', { timeout: 300_000 }, async () => {
    // Ending things comes last, so that there is something left to ask about; and what is there once a shot has ended, or
    // what nobody may do who did another thing before: seal what they asked for.
    const last = [
      'approveKeyDestruction',
      'askBreakGlass',
      'portalPreview',
      'deleteWebhook',
      'disableUser',
      'revokeToken',
      'signOut',
      'signOutEverywhere',
    ];
    const order = operations.toSorted((one, other) => last.indexOf(one.id) - last.indexOf(other.id));
    for (const operation of order) {
      const row = {} as Record<Who, Reach>;
      if (last.includes(operation.id)) await farm.owner.query('UPDATE tokens SET revoked_at = NULL');
      for (const who of WHO) row[who] = await reachOf(operation, who);
      reaches.set(operation.id, row);
    }
    await expect(await page()).toMatchFileSnapshot('../../docs/ACCESS.md');
  });

  it('lets nobody in without a token but at the open doors', () => {
    const open = [...reaches].filter(([, row]) => row.anonymous !== '-').map(([id]) => id);
    expect(open.toSorted()).toEqual([
      'acceptInvitation',
      'consentSchema',
      'finishSingleSignOn',
      'health',
      'openApi',
      'proveSingleSignOn',
      'signIn',
      'signInOptions',
      'startSingleSignOn',
    ]);
  });

  it("shows a member of one project nothing of another's", () => {
    for (const role of [...PROJECT_ROLES, 'performer'] as const) {
      const beyond = operations.filter(({ id, path }) => path.includes('{') && reaches.get(id)?.[role] === 'all');
      expect(beyond, role).toEqual([]);
    }
  });
});

const SHOWN: Record<Reach, string> = { '-': '', own: 'own', all: 'yes' };

async function page(): Promise<string> {
  const head = ['operation', 'request', ...WHO.filter((who) => who !== 'anonymous')];
  const lines = operations
    .toSorted((one, other) => (one.path + one.method < other.path + other.method ? -1 : 1))
    .map(({ id, method, path }) => {
      const row = reaches.get(id) as Record<Who, Reach>;
      const open = row.anonymous !== '-';
      const cells = WHO.filter((who) => who !== 'anonymous').map((who) => (open ? 'open' : SHOWN[row[who]]));
      return `| ${[`\`${id}\``, `\`${method} ${path}\``, ...(id === SIGNED ? cells.map(() => 'signature') : cells)].join(' | ')} |`;
    });
  const text = `# Who may do what

Made by asking a running coordinator for every operation of its OpenAPI document, as everybody, for objects of their own
project and of another. \`test/medium/access-matrix.spec.ts\` asks again and compares; after a wanted change

\`\`\`sh
npx vitest run --project medium test/medium/access-matrix.spec.ts -u
\`\`\`

writes this file anew, and the difference is what a reviewer looks at.

- **own**: objects of a project in which one has the role, or one's own (a token, a lane, an attempt, a performer's consents). Another's answer is
  404, in the words for what is not there. A list shows one's own alone.
- **yes**: whatever object, or none is named. Where rows are listed, an org admin sees projects and people and never what
  is in a project, and of the audit log what belongs to no project; a farm operator sees the queue and never a picture.
- **open**: without signing in. **signature**: behind a signed address of one object, for minutes; no token opens it.
- empty: 403; 401 to whoever is not signed in. Each refusal of somebody signed in is in the audit log.

Past this door, states and four eyes decide: nobody activates a consent they brought in, releases a shot they submitted, or
gives a role to themselves; roles that release or grant take two org admins, and on a strict farm such acts a second factor
([ACCOUNTS.md](ACCOUNTS.md)). A performer has the portal ([CONSENT.md](CONSENT.md)), for their own consents and what was made
under them, and nothing else.

| ${head.join(' | ')} |
| ${head.map(() => '---').join(' | ')} |
${lines.join('\n')}
`;
  return await prettier.format(text, { parser: 'markdown', printWidth: 120, proseWrap: 'preserve' });
}
