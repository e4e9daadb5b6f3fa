import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { CONTENT_ROUTES, type ErrorBody, type RouteName, type RouteOutput, ROUTES } from '@understudy/contracts';
import { FolderStore } from '@understudy/storage';
import { parseEvent, verifyExport } from '@understudy/tlog';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { DestroyedProjects } from '../../apps/coordinator/src/key-destruction/destroyed-projects.js';
import { ObjectSweep } from '../../apps/coordinator/src/objects/object-sweep.js';
import { ProjectKeys } from '../../apps/coordinator/src/sealing/project-keys.js';
import type { FakeLane } from './fake-lane.js';
import { type Stage, StagesFarm } from './stages-farm.js';
import { useStages } from './use-stages.js';

const REASON = 'the film is out, and its contract says so';

let farm: StagesFarm;
let served: StagesFarm;
let lane: FakeLane;
let folder: string;
let fresh: Stage;
useStages((world) => ({ farm, lane, folder, stage: fresh } = world));

interface Person {
  readonly id: string;
  readonly secret: string;
}
type Answer<Body> = { status: number; body: Body & Partial<ErrorBody> };

async function send(method: string, path: string, who: Person, body?: unknown): Promise<Response> {
  return fetch(served.url + path, {
    method,
    headers: { authorization: `Bearer ${who.secret}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}
async function call<Name extends RouteName>(
  name: Name,
  who: Person,
  input: { params?: Record<string, string>; body?: unknown } = {},
): Promise<Answer<RouteOutput<Name>>> {
  const { method, path } = ROUTES[name];
  const filled = path.replaceAll(/:(\w+)/g, (_, key: string) => input.params?.[key] ?? '');
  const response = await send(method, filled, who, method === 'GET' ? undefined : (input.body ?? {}));
  return { status: response.status, body: (await response.json()) as RouteOutput<Name> & Partial<ErrorBody> };
}
const codeOf = async (response: Response): Promise<unknown> =>
  response.ok ? response.status : ((await response.json()) as ErrorBody).error.code;
const ask = (who: Person, stage: Stage, project = stage.projectName) =>
  call('askKeyDestruction', who, { params: { projectId: stage.projectId }, body: { project, reason: REASON } });
const approve = (who: Person, keyDestructionId: string) =>
  call('approveKeyDestruction', who, { params: { keyDestructionId } });
const under = (name: string, projectId: string): string => join(farm.dataDir, name, projectId);

const filesUnder = (name: string, projectId: string): string[] =>
  readdirSync(under(name, projectId), { recursive: true, withFileTypes: true }).flatMap((one) =>
    one.isFile() ? [one.name] : [],
  );

/** Everything that a project's people could want to see again. */
function wanted(
  people: { producer: Person },
  of: { shotId: string; deliveryId: string },
): [string, () => Promise<Response>][] {
  const { producer } = people;
  const still = (side: string): string => CONTENT_ROUTES.shotStill.replace(':shotId', of.shotId).replace(':side', side);
  return [
    ['the delivery', () => send('GET', CONTENT_ROUTES.deliveryContent.replace(':deliveryId', of.deliveryId), producer)],
    ['a frame of the plate', () => send('GET', `${still('before')}?frame=3`, producer)],
    ['a frame of the result', () => send('GET', `${still('after')}?frame=3`, producer)],
  ];
}

describe('a project that two people end', () => {
  let stage: Stage;
  let producer: Person;
  let officer: Person;
  let auditor: Person;
  let shot: { shotId: string; shotVersionId: string };
  let going: { shotId: string; shotVersionId: string };
  let things: [string, () => Promise<Response>][];
  let deliverySha256: string;
  let backup: string;
  let keyDestructionId: string;

  afterAll(() => served?.stop());
  beforeEach(async () => {
    served ??= await StagesFarm.start({ serve: true, beside: farm });
    stage ??= fresh;
  });

  it('is readable before: its delivery is released and handed out, its frames are shown', async () => {
    shot = await farm.bringTo('ready', stage, lane);
    producer = stage.actor as unknown as Person;
    const other = await farm.addMember(stage.projectId, 'producer');
    officer = await farm.addMember(stage.projectId, 'consent_officer');
    auditor = await farm.addMember(stage.projectId, 'compliance_auditor');
    const { id, sha256 } = await farm.one<{ id: string; sha256: string }>(
      'SELECT id, sha256 FROM deliveries WHERE shot_version_id = $1',
      [shot.shotVersionId],
    );
    deliverySha256 = sha256;
    const released = await call('releaseDelivery', other, {
      params: { deliveryId: id },
      body: { reason: 'approved cut' },
    });
    expect(released.status, JSON.stringify(released.body)).toBe(200);
    things = wanted({ producer }, { shotId: shot.shotId, deliveryId: id });
    for (const [what, get] of things) expect((await get()).status, what).toBe(200);
    backup = join(folder, 'backup');
    for (const name of ['objects', 'keys', 'stills'])
      cpSync(join(farm.dataDir, name), join(backup, name), { recursive: true });
  });

  it('takes two people, its name, and no SQL', async () => {
    expect((await ask(producer, stage, 'another film')).body.error?.code).toBe('INVALID_REQUEST');
    expect((await ask(auditor, stage)).status).toBe(403);
    const victim = fresh;
    const outsider = victim.actor as unknown as Person;
    expect((await ask(outsider, stage)).status).toBe(404);
    const asked = await ask(producer, stage);
    expect(asked.body, JSON.stringify(asked.body)).toMatchObject({ project: stage.projectName, approvedAt: null });
    keyDestructionId = asked.body.id;
    expect((await ask(officer, stage)).body.error?.code).toBe('CONFLICT');
    expect((await approve(producer, keyDestructionId)).body.error?.code).toBe('FORBIDDEN');
    for (const statement of [
      'UPDATE key_destructions SET approved_by = asked_by, decided_at = now()',
      'DELETE FROM key_destructions',
      'UPDATE projects SET key_destroyed_at = now()',
      `UPDATE key_destructions SET project_id = '${victim.projectId}'`,
    ]) {
      await expect(farm.database.query(statement), statement).rejects.toThrow();
    }
    // Who writes an approval into the row destroys nothing by it: the row has not the service's seal.
    const waiting = (await ask(outsider, victim)).body.id;
    await farm.owner.tampering.query('UPDATE key_destructions SET approved_by = $2, decided_at = now() WHERE id = $1', [
      waiting,
      officer.id,
    ]);
    expect(await farm.get(DestroyedProjects).sweep()).toBe(0);
    expect(existsSync(`${under('keys', victim.projectId)}.key`)).toBe(true);
    await farm.owner.tampering.query('ALTER TABLE key_destructions DISABLE TRIGGER ALL');
    await farm.owner.tampering.query('DELETE FROM key_destructions WHERE id = $1', [waiting]);
    await farm.owner.tampering.query('ALTER TABLE key_destructions ENABLE TRIGGER ALL');
    for (const [what, get] of things) expect((await get()).status, what).toBe(200);
  });

  it('is nobody’s to read from the moment that the second of them approves', async () => {
    going = await farm.bringTo('rendering', stage, lane);
    const approved = await approve(officer, keyDestructionId);
    expect(approved.body, JSON.stringify(approved.body)).toMatchObject({ id: keyDestructionId });
    expect(approved.body.approvedAt).not.toBeNull();
    expect(existsSync(`${under('keys', stage.projectId)}.key`)).toBe(false);
    for (const [what, get] of things) expect(await codeOf(await get()), what).toBe('PROJECT_KEY_DESTROYED');
    // The coordinator beside it had the key in memory.
    const objects = farm.objects.of(stage.projectId);
    await expect(objects.open(deliverySha256)).rejects.toMatchObject({ code: 'PROJECT_KEY_DESTROYED' });
    const notPutBack = farm.objects.of(fresh.projectId);
    expect(await notPutBack.stat(deliverySha256)).toBeNull();
  });

  it('takes nothing new, and goes on with nothing', async () => {
    const { projectId } = stage;
    const asset = { projectId, kind: 'plate', sha256: 'a'.repeat(64), bytes: 10 };
    const refused: [string, Promise<Answer<unknown>>][] = [
      ['a shot', call('submitShot', producer, { body: farm.submission(stage) })],
      [
        'another version',
        call('resubmitShot', producer, {
          params: { shotId: shot.shotId },
          body: { frames: { startFrame: 0, endFrame: 4 }, reason: REASON },
        }),
      ],
      ['a plate', call('createAsset', producer, { body: asset })],
      ['it again', ask(producer, stage)],
      [
        'a webhook',
        call('createWebhook', producer, {
          params: { projectId },
          body: { url: 'https://example.org/hook', events: ['shot.ready'] },
        }),
      ],
    ];
    for (const [what, answer] of refused) expect((await answer).body.error?.code, what).toBe('PROJECT_KEY_DESTROYED');
    expect([await farm.stateOf(shot.shotVersionId), await farm.stateOf(going.shotVersionId)]).toEqual([
      'revoked',
      'revoked',
    ]);
    expect(await farm.errorOf(going.shotVersionId)).toMatchObject({ code: 'PROJECT_KEY_DESTROYED' });
    expect(await lane.workOff()).toEqual([]);
    // By SQL of the service's own role neither.
    await expect(
      farm.database.query(`UPDATE shot_versions SET state = 'rendering' WHERE id = $1`, [going.shotVersionId]),
    ).rejects.toThrow(/project_key_destroyed/);
  });

  it('is swept, and certified in the log, in an export that verifies, and in the evidence', async () => {
    await served.get(DestroyedProjects).sweep();
    await farm.get(DestroyedProjects).sweep();
    expect(filesUnder('objects', stage.projectId)).toEqual([]);
    expect(existsSync(under('stills', stage.projectId))).toBe(false);
    const [faces] = await farm.owner.query(
      `SELECT 1 FROM performer_faces f JOIN performers p ON p.id = f.performer_id WHERE p.project_id = $1
       UNION ALL SELECT 1 FROM face_templates f JOIN assets a ON a.id = f.asset_id WHERE a.project_id = $1`,
      [stage.projectId],
    );
    expect(faces).toBeUndefined();
    const rows = await farm.owner.query<{ canonical: string }>(
      `SELECT canonical FROM audit_events WHERE action = 'deletion.certified' AND subject_id = $1`,
      [stage.projectId],
    );
    expect(rows).toHaveLength(1);
    const { data } = parseEvent(rows[0]?.canonical ?? '');
    expect(data).toMatchObject({
      keyDestructionId,
      keyFingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      askedBy: producer.id,
      approvedBy: officer.id,
      parts: 1,
    });
    expect(data['deleted']).toContainEqual({ kind: 'delivery', sha256: deliverySha256 });
    expect((data['deleted'] as { kind: string }[]).filter(({ kind }) => kind === 'segment').length).toBeGreaterThan(0);
    const { body } = await call('listKeyDestructions', auditor);
    expect(body.items).toMatchObject([{ id: keyDestructionId, certifiedAt: expect.any(String) as string }]);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const exported = await (await send('GET', CONTENT_ROUTES.auditExport, auditor)).text();
    const { faults } = await verifyExport(exported.split('\n'));
    // The rows of the fixture were written past the log.
    expect(faults.filter(({ message }) => message.includes('key_destructions'))).toEqual([]);
    const evidence = await call('getEvidence', auditor);
    expect(evidence.body.evidence).toContain('deletion.certified');
    const undone = exported
      .replace('"certified": true', '"certified": false')
      .replace('"certified":true', '"certified":false');
    const found = await verifyExport(undone.split('\n'));
    expect(found.faults.map(({ message }) => message).join()).toContain('certified is false, the log recorded true');
  });

  it('is not to be read from a copy of its sealed files, with its rows put back', async () => {
    const { projectId } = stage;
    cpSync(join(backup, 'objects', projectId), under('objects', projectId), { recursive: true });
    cpSync(join(backup, 'stills', projectId), under('stills', projectId), { recursive: true });
    const { tampering } = farm.owner;
    await tampering.query('ALTER TABLE shot_versions DISABLE TRIGGER ALL');
    await tampering.query(`UPDATE shot_versions SET state = 'released' WHERE id = $1`, [shot.shotVersionId]);
    await tampering.query(`UPDATE deliveries SET state = 'released' WHERE shot_version_id = $1`, [shot.shotVersionId]);
    await tampering.query('UPDATE segments SET quarantined_at = NULL');
    await tampering.query('ALTER TABLE shot_versions ENABLE TRIGGER ALL');
    for (const [what, get] of things) expect(await codeOf(await get()), what).toBe('PROJECT_KEY_DESTROYED');
    // By the library alone, with new keys where the destroyed one was: nothing opens.
    const elsewhere = join(folder, 'elsewhere');
    cpSync(join(backup, 'objects'), join(elsewhere, 'objects'), { recursive: true });
    const config = {
      DATA_DIR: elsewhere,
      SECRET_KEY: farm.settings['SECRET_KEY'] ?? '',
      KEY_ENCRYPTION_KEYS: undefined,
    };
    const keys = new ProjectKeys(config);
    keys.forSealing(projectId);
    const store = await FolderStore.open(elsewhere, { keys });
    expect(await store.of(projectId).stat(deliverySha256)).not.toBeNull();
    await expect(
      store
        .of(projectId)
        .open(deliverySha256)
        .then((content) => buffer(content)),
    ).rejects.toMatchObject({ code: 'INTERNAL' });
    await store.close();
    // What was put back goes with what nobody names.
    const day = 86_400_000;
    const swept = await farm.get(ObjectSweep).sweep(Date.now() + 2 * day);
    expect(swept?.orphans).toContain(deliverySha256);
    expect(swept?.missing).not.toContain(deliverySha256);
  });

  it('is ended again where a backup brings its key back', async () => {
    const { projectId } = stage;
    const key = `${under('keys', projectId)}.key`;
    cpSync(join(backup, 'objects', projectId), under('objects', projectId), { recursive: true });
    cpSync(join(backup, 'keys', `${projectId}.key`), key);
    await expect(farm.objects.of(projectId).open(deliverySha256)).rejects.toMatchObject({
      code: 'PROJECT_KEY_DESTROYED',
    });
    rmSync(`${under('keys', projectId)}.destroyed`);
    // For as long as nobody looks it opens: the folder is as it was.
    await farm.get(DestroyedProjects).sweep();
    expect(existsSync(key)).toBe(false);
    await expect(farm.objects.of(projectId).open(deliverySha256)).rejects.toMatchObject({
      code: 'PROJECT_KEY_DESTROYED',
    });
    const [again] = await farm.owner.query(
      `SELECT 1 FROM audit_events WHERE action = 'key_destruction.repeated' AND subject_id = $1`,
      [keyDestructionId],
    );
    expect(again).toBeDefined();
  });

  it('is counted as missing where a database of before names it again', async () => {
    const { tampering } = farm.owner;
    await tampering.query('ALTER TABLE projects DISABLE TRIGGER ALL');
    await tampering.query('UPDATE projects SET key_destroyed_at = NULL WHERE id = $1', [stage.projectId]);
    await tampering.query('ALTER TABLE projects ENABLE TRIGGER ALL');
    expect((await farm.get(ObjectSweep).sweep(Date.now()))?.missing).toContain(deliverySha256);
  });
});
