import { Readable } from 'node:stream';
import { CONTENT_ROUTES } from '@understudy/contracts';
import { hashTokenSecret } from '@understudy/db';
import type { ObjectStore } from '@understudy/storage';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SignedUrls } from '../../apps/coordinator/src/access/signed-urls.js';
import { OBJECT_STORE } from '../../apps/coordinator/src/platform/tokens.js';
import { addSide, knockerOf, type Side } from './access-world.js';
import { TestCoordinator } from './coordinator.js';

/** More than every buffer between here and there holds. */
const BYTES = 96 * 1024 ** 2;
const MOST_MS = 2_000;

let farm: TestCoordinator;
let side: Side;
let sha256: string;
beforeAll(async () => {
  farm = await TestCoordinator.start({ LEASE_SECONDS: '60' });
});
afterAll(() => farm.stop());
beforeEach(async () => {
  side = await addSide(farm);
  const store = farm.app.get<ObjectStore>(OBJECT_STORE, { strict: false }).of(side.projectId);
  const chunk = Buffer.alloc(1024 ** 2, side.projectId);
  ({ sha256 } = await store.put(Readable.from(Array.from({ length: BYTES / chunk.length }, () => chunk))));
});

/** Reads on until the answer ends. @returns how many bytes came, and whether it broke off */
async function drain(body: ReadableStreamDefaultReader<Uint8Array>): Promise<{ bytes: number; brokeOff: boolean }> {
  let bytes = 0;
  for (;;) {
    const part = await body.read().catch(() => null);
    if (part === null) return { bytes, brokeOff: true };
    if (part.done) return { bytes, brokeOff: false };
    bytes += part.value.byteLength;
  }
}

async function begin(path: string, token?: string): Promise<ReadableStreamDefaultReader<Uint8Array>> {
  const response = await farm.send('GET', path, token === undefined ? {} : { token });
  expect(response.status).toBe(200);
  const body = response.body?.getReader();
  if (body === undefined) throw new Error('the answer has no body');
  expect((await body.read()).done).toBe(false);
  return body;
}

/** Ends what is being downloaded, waits the time in which nothing more may be sent, and only then reads on. */
async function endsAfter(body: ReadableStreamDefaultReader<Uint8Array>, end: () => Promise<unknown>): Promise<void> {
  await end();
  await new Promise((resolve) => setTimeout(resolve, MOST_MS));
  const { bytes, brokeOff } = await drain(body);
  expect({ brokeOff, whole: bytes >= BYTES * 0.9 }).toEqual({ brokeOff: true, whole: false });
}

describe('a delivery that is being downloaded', () => {
  beforeEach(() =>
    farm.owner.query(
      `UPDATE deliveries SET state = 'released', released_by = gen_random_uuid(), released_at = now(), sha256 = $2 WHERE id = $1`,
      [side.deliveryId, sha256],
    ),
  );
  const download = async () => {
    const { token = '' } = await knockerOf(farm, side, { project: 'producer' });
    return await begin(`/api/v1/deliveries/${side.deliveryId}/content`, token);
  };

  it('is cut off when a consent behind it is revoked', async () => {
    const { token } = await knockerOf(farm, side, { project: 'consent_officer' });
    await farm.owner.query(`UPDATE shot_versions SET state = 'released' WHERE id = $1`, [side.shotVersionId]);
    await endsAfter(await download(), async () => {
      const params = { consentId: side.consentId };
      const { status } = await farm.call('revokeConsent', token, { params, body: { reason: 'by the performer' } });
      expect(status).toBe(200);
    });
  });

  it('comes whole, however slowly it is read, while nothing ended', async () => {
    const body = await download();
    await new Promise((resolve) => setTimeout(resolve, MOST_MS));
    expect((await drain(body)).brokeOff).toBe(false);
  });
});

describe('a stream of a shot', () => {
  it.each([
    ['the role was taken away', `DELETE FROM memberships WHERE user_id = (SELECT user_id FROM tokens WHERE id = $1)`],
    ['the token was revoked', 'UPDATE tokens SET revoked_at = now() WHERE id = $1'],
  ])('ends within seconds once %s', async (_, end) => {
    const { token = '' } = await knockerOf(farm, side, { project: 'artist' });
    const body = await begin(`/api/v1/shots/${side.shotId}/stream`, token);
    await farm.owner.query(end.replace('$1', '(SELECT id FROM tokens WHERE hash = $1)'), [hashTokenSecret(token)]);
    const beganMs = performance.now();
    await drain(body);
    expect(performance.now() - beganMs).toBeLessThan(5_000);
  });
});

describe('an address that a lease named', () => {
  const address = (): string => {
    const { projectId, shotVersionId } = side;
    const path = CONTENT_ROUTES.leasedObject.replace(':sha256', sha256);
    return farm.app.get(SignedUrls).sign(path, 60, { projectId, sha256, workerId, shotVersionId });
  };
  const ends: readonly (readonly [string, () => Promise<unknown>])[] = [
    [
      "the worker's token was revoked",
      () => run('UPDATE tokens SET revoked_at = now() WHERE worker_id = $1', workerId),
    ],
    ['the worker was shut out', () => run('UPDATE workers SET disabled_at = now() WHERE id = $1', workerId)],
    [
      'its attempt is over',
      () => run(`UPDATE attempts SET state = 'stopped', ended_at = now() WHERE id = $1`, side.attemptId),
    ],
    ['its lease ran out', () => run('UPDATE attempts SET expires_at = now() WHERE id = $1', side.attemptId)],
    ['the shot was revoked', () => run(`UPDATE shot_versions SET state = 'revoked' WHERE id = $1`, side.shotVersionId)],
  ];
  let workerId: string;
  const run = (sql: string, id: string): Promise<unknown> => farm.owner.query(sql, [id]);
  beforeEach(async () => {
    await run(`UPDATE shot_versions SET state = 'rendering' WHERE id = $1`, side.shotVersionId);
    const [lane] = await farm.owner.query<{ workerId: string }>(
      'SELECT worker_id AS "workerId" FROM lanes WHERE id = $1',
      [side.laneId],
    );
    workerId = lane?.workerId ?? '';
  });

  it.each(ends)('opens nothing once %s', async (_, end) => {
    const url = address();
    expect((await farm.send('GET', url, { headers: { range: 'bytes=0-9' } })).status).toBe(206);
    await end();
    expect((await farm.send('GET', url, {})).status).toBe(403);
    expect((await farm.audit('access.denied'))[0]).toMatchObject({
      actor: `worker:${workerId}`,
      subjectId: side.shotVersionId,
      projectId: side.projectId,
      data: { code: 'FORBIDDEN', address: true, sha256 },
    });
  });

  it('opens nothing to a worker that has no part in the shot', async () => {
    workerId = (await farm.addWorker()).id;
    expect((await farm.send('GET', address(), {})).status).toBe(403);
  });

  it('is cut off while it is being fetched', async () => {
    const [, end] = ends[0] ?? [];
    await endsAfter(await begin(address()), async () => end?.());
  });
});
