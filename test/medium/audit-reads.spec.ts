import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { personal } from '@understudy/db';
import type { ObjectStore } from '@understudy/storage';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AuditWriter } from '../../apps/coordinator/src/audit/audit-writer.js';
import { OBJECT_STORE } from '../../apps/coordinator/src/platform/tokens.js';
import { Stills } from '../../apps/coordinator/src/stills/stills.js';
import { addSide, knockerOf, type Side } from './access-world.js';
import { TestCoordinator } from './coordinator.js';

let farm: TestCoordinator;
let side: Side;
beforeAll(async () => {
  farm = await TestCoordinator.start({
    OUTPUT_GATE: 'false',
    REVOKED_KEPT_DAYS: '7',
    TRUSTED_PROXIES: '10.11.12.13',
    OIDC_ISSUER: 'https://people.studio.example',
    OIDC_CLIENT_ID: 'understudy',
    OIDC_CLIENT_SECRET: 'the-clients-secret',
    OIDC_REDIRECT_URL: 'https://farm.studio.example/sign-in/provider',
    OIDC_SECOND_FACTOR: 'mfa',
  });
  side = await addSide(farm);
});
afterAll(async () => {
  vi.restoreAllMocks();
  await farm.stop();
});

describe('what is read leaves a line', () => {
  it('who saw which frame, and no line where there was nothing to see', async () => {
    const { token } = await knockerOf(farm, side, { project: 'artist' });
    const path = `/api/v1/shots/${side.shotId}/stills/after?frame=41&size=320`;
    const withToken = token === undefined ? {} : { token };
    expect((await farm.send('GET', path, withToken)).status).toBe(404);
    expect(await farm.audit('still.viewed')).toEqual([]);
    vi.spyOn(farm.app.get(Stills), 'png').mockResolvedValue(Buffer.from('png'));
    expect((await farm.send('GET', path, withToken)).status).toBe(200);
    const seen = await farm.audit('still.viewed');
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      subjectId: side.shotId,
      projectId: side.projectId,
      data: { side: 'after', frame: 41, size: 320 },
    });
  });

  it('each download, with its range', async () => {
    const { token = '' } = await knockerOf(farm, side, { project: 'producer' });
    const store = farm.app.get<ObjectStore>(OBJECT_STORE, { strict: false }).of(side.projectId);
    const { sha256 } = await store.put(Readable.from([Buffer.from('the joined file')]));
    await farm.owner.query(
      `UPDATE deliveries SET state = 'released', released_by = gen_random_uuid(), released_at = now(), sha256 = $2 WHERE id = $1`,
      [side.deliveryId, sha256],
    );
    const path = `/api/v1/deliveries/${side.deliveryId}/content`;
    const answer = await farm.send('GET', path, { token, headers: { range: 'bytes=4-9' } });
    expect([answer.status, await answer.text()]).toEqual([206, 'joined']);
    expect((await farm.audit('delivery.downloaded'))[0]).toMatchObject({
      subjectId: side.deliveryId,
      data: { sha256, range: 'bytes=4-9' },
    });
  });

  it('what people typed about a shot is told to who may read the log, and to nobody else who may see the shot', async () => {
    const writer = farm.app.get(AuditWriter);
    const { shotId, shotVersionId, projectId } = side;
    const subject = { subjectType: 'ShotVersion', subjectId: shotVersionId, projectId, shotId };
    const data = { reason: personal('the agent of the performer called') };
    await writer.append(farm.owner, { actor: 'system', action: 'shot.cancelled', ...subject, data });
    const typed = async (roles: Parameters<typeof knockerOf>[2]) => {
      const { token } = await knockerOf(farm, side, roles);
      const { status, body } = await farm.call('listShotEvents', token, { params: { shotId } });
      expect(status).toBe(200);
      return body.items.find(({ action }) => action === 'shot.cancelled')?.personal;
    };
    for (const project of ['compliance_auditor', 'consent_officer'] as const) {
      expect(await typed({ project }), project).toEqual({ reason: 'the agent of the performer called' });
    }
    for (const roles of [{ farm: 'farm_operator' }, { project: 'artist' }, { project: 'producer' }] as const) {
      expect(await typed(roles), JSON.stringify(roles)).toEqual({ reason: null });
    }
  });

  it('the log itself', async () => {
    const { token = '' } = await knockerOf(farm, side, { project: 'compliance_auditor' });
    await (await farm.send('GET', '/api/v1/audit/export', { token })).text();
    expect(await farm.audit('audit.exported')).toHaveLength(1);
  });
});

describe('what changes the farm leaves a line', () => {
  it('each start, with the settings in force and no secret', async () => {
    const [started] = await farm.audit('coordinator.started');
    expect(started?.data).toMatchObject({ leaseSeconds: 10, allowLocalProfile: true, queue: 'postgres' });
    // Each of these lets something pass that another value would not.
    expect(started?.data).toMatchObject({
      outputGate: false,
      revokedKeptDays: 7,
      logsKeptDays: 30,
      webhooksToPrivateHosts: false,
      signInTries: 1000,
      trustedProxiesSha256: createHash('sha256').update('10.11.12.13').digest('hex'),
      oidcIssuer: 'https://people.studio.example',
      oidcSecondFactor: ['mfa'],
    });
    const text = JSON.stringify(started);
    for (const secret of [
      '10.11.12.13',
      'the-clients-secret',
      farm.config.SECRET_KEY,
      farm.config.DATABASE_URL,
      farm.config.DATA_DIR,
    ]) {
      expect(text).not.toContain(secret);
    }
  });

  it('a worker and its lanes, when they join', async () => {
    const { token = '' } = await knockerOf(farm, side, { farm: 'farm_operator' });
    const { body: worker } = await farm.call('createWorker', token, { body: { name: 'a new one' } });
    expect((await farm.audit('worker.created'))[0]).toMatchObject({ subjectId: worker.id });
    const parityClass = { provider: 'cpu', precision: 'fp32', runtime: 't', instructionSet: 't', batch: 1 };
    const capabilities = { parityClass, kinds: ['render'], threads: 1, vramMiB: 0, packs: ['default'] };
    const { body: lane } = await farm.call('registerLane', worker.secret, {
      body: { ordinal: 0, host: 'host', capabilities },
    });
    expect((await farm.audit('lane.registered'))[0]).toMatchObject({
      actor: `worker:${worker.id}`,
      subjectId: lane.laneId,
    });
  });
});
