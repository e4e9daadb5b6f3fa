import { createHash, randomBytes } from 'node:crypto';
import type { CreateAsset } from '@understudy/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { TestCoordinator, type TestPerson } from './coordinator.js';

const CONTENT = randomBytes(200_000);
const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

let farm: TestCoordinator;
let projectId: string;
let artist: TestPerson;
beforeAll(async () => {
  farm = await TestCoordinator.start({ MAX_UPLOAD_BYTES: '1000000' });
  projectId = await farm.addProject();
  artist = await farm.addMember(projectId, 'artist');
});
afterAll(() => farm.stop());

type Announced = Partial<z.input<typeof CreateAsset>>;
const announce = (content: Buffer, more: Announced = {}) =>
  farm.call('createAsset', artist.token, {
    body: { projectId, kind: 'identity', sha256: sha256(content), bytes: content.length, ...more },
  });
const put = (id: string, offset: number, content: Buffer, token = artist.token) =>
  farm.send('PUT', `/api/v1/assets/${id}/content?offset=${offset}`, { token, body: content });
async function offsetOf(id: string): Promise<number> {
  const head = await farm.send('HEAD', `/api/v1/assets/${id}/content`, { token: artist.token });
  return Number(head.headers.get('upload-offset'));
}
const isComplete = async (assetId: string): Promise<boolean> =>
  (await farm.call('getAsset', artist.token, { params: { assetId } })).body.complete;

describe('an asset', () => {
  it('comes in parts and is complete with the last', async () => {
    const { body } = await announce(CONTENT);
    expect(body).toMatchObject({ complete: false, bytes: CONTENT.length });
    expect(await offsetOf(body.id)).toBe(0);
    const first = await put(body.id, 0, CONTENT.subarray(0, 70_000));
    expect([first.status, first.headers.get('upload-offset')]).toEqual([200, '70000']);
    expect(await offsetOf(body.id)).toBe(70_000);
    expect(await isComplete(body.id)).toBe(false);
    await put(body.id, 70_000, CONTENT.subarray(70_000));
    expect(await isComplete(body.id)).toBe(true);
    expect(await offsetOf(body.id)).toBe(CONTENT.length);
    expect((await farm.audit('asset.stored')).map((event) => event.subjectId)).toContain(body.id);
  });

  it('is one however often it is announced, and needs no second upload under another kind', async () => {
    const content = randomBytes(5000);
    const first = (await announce(content)).body;
    await put(first.id, 0, content);
    expect((await announce(content)).body).toMatchObject({ id: first.id, complete: true });
    const other = (await announce(content, { kind: 'plate_reference' })).body;
    expect(other).toMatchObject({ complete: true });
    expect(other.id).not.toBe(first.id);
  });

  it('is not had by announcing the hash of what another project has', async () => {
    const content = randomBytes(5000);
    await put((await announce(content)).body.id, 0, content);
    const elsewhere = await farm.addProject();
    const other = await farm.addMember(elsewhere, 'artist');
    const body = { projectId: elsewhere, kind: 'identity', sha256: sha256(content), bytes: content.length };
    const theirs = await farm.call('createAsset', other.token, { body });
    expect(theirs.body.complete).toBe(false);
    expect((await put(theirs.body.id, content.length, Buffer.alloc(1), other.token)).status).toBe(409);
  });

  it('goes on only where it stopped, and says where that is', async () => {
    const content = randomBytes(5000);
    const { id } = (await announce(content)).body;
    await put(id, 0, content.subarray(0, 100));
    const wrong = await put(id, 0, content);
    expect([wrong.status, wrong.headers.get('upload-offset')]).toEqual([409, '100']);
    expect(await wrong.json()).toMatchObject({ error: { code: 'CONFLICT', details: { offset: 100 } } });
  });

  it('of another content is refused and starts again from nothing', async () => {
    const content = randomBytes(5000);
    const { id } = (await announce(content)).body;
    const refused = await put(id, 0, randomBytes(5000));
    expect(refused.status).toBe(422);
    expect(await refused.json()).toMatchObject({ error: { code: 'UPLOAD_MISMATCH' } });
    expect(await offsetOf(id)).toBe(0);
    expect((await put(id, 0, content)).status).toBe(200);
    expect(await isComplete(id)).toBe(true);
  });

  it('is completed by whoever asks when a crash came after its last byte', async () => {
    const content = randomBytes(5000);
    const { id } = (await announce(content)).body;
    await put(id, 0, content);
    await farm.owner.query('UPDATE assets SET complete = false WHERE id = $1', [id]);
    expect(await offsetOf(id)).toBe(0);
    await put(id, 0, content);
    expect(await isComplete(id)).toBe(true);
  });

  it.each([
    ['longer than announced', () => announce(randomBytes(100)), (id: string) => put(id, 0, randomBytes(101)), 413],
    ['no octets', () => announce(randomBytes(100)), (id: string) => putJson(id), 400],
    ['without an offset', () => announce(randomBytes(100)), (id: string) => putAnywhere(id), 400],
  ])('is refused when it is %s', async (_, first, then, status) => {
    expect((await then((await first()).body.id)).status).toBe(status);
  });

  it('larger than the farm takes is refused before a byte is sent', async () => {
    const { status, body } = await announce(CONTENT, { bytes: 1_000_001 });
    expect({ status, code: body.error?.code }).toEqual({ status: 413, code: 'PAYLOAD_TOO_LARGE' });
  });

  it('is nothing to a member of another project', async () => {
    const { id } = (await announce(randomBytes(100))).body;
    const outsider = await farm.addMember(await farm.addProject(), 'artist');
    expect((await farm.call('getAsset', outsider.token, { params: { assetId: id } })).status).toBe(404);
    expect((await put(id, 0, Buffer.alloc(1), outsider.token)).status).toBe(404);
  });
});

const putJson = (id: string) =>
  farm.send('PUT', `/api/v1/assets/${id}/content?offset=0`, { token: artist.token, body: {} });
const putAnywhere = (id: string) =>
  farm.send('PUT', `/api/v1/assets/${id}/content`, { token: artist.token, body: Buffer.alloc(10) });

describe('the template of an image', () => {
  const template = (name: 'createTemplate' | 'getTemplate', assetId: string) =>
    farm.call(name, artist.token, { params: { assetId } });

  it('is asked of a lane once', async () => {
    const content = randomBytes(5000);
    const { id } = (await announce(content)).body;
    expect((await template('createTemplate', id)).body.error?.code).toBe('CONFLICT');
    await put(id, 0, content);
    expect((await template('getTemplate', id)).status).toBe(404);
    const answers = await Promise.all([1, 2, 3].map(() => template('createTemplate', id)));
    expect(answers.map(({ body }) => body)).toEqual(Array(3).fill({ assetId: id, state: 'pending', error: null }));
    const tasks = await farm.owner.query('SELECT kind::text, state::text FROM tasks WHERE asset_id = $1', [id]);
    expect(tasks).toEqual([{ kind: 'enrol', state: 'pending' }]);
    expect((await template('getTemplate', id)).body.state).toBe('pending');
  });

  it('is not asked of a plate', async () => {
    const content = randomBytes(5000);
    const { id } = (await announce(content, { kind: 'plate' })).body;
    await put(id, 0, content);
    expect((await template('createTemplate', id)).body.error?.code).toBe('INVALID_REQUEST');
  });
});
