import { randomUUID } from 'node:crypto';
import { CONTENT_ROUTES } from '@understudy/contracts';
import { type Fault, verifyExport } from '@understudy/tlog';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AuditWriter } from '../../apps/coordinator/src/audit/audit-writer.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';

describe('the end of a project', () => {
  let farm: TestCoordinator;
  let projectId: string;
  let taskId: string;
  let producer: TestPerson;
  let officer: TestPerson;
  let auditor: TestPerson;

  beforeAll(async () => {
    farm = await TestCoordinator.start();
    projectId = await farm.addProject();
    producer = await farm.addMember(projectId, 'producer');
    officer = await farm.addMember(projectId, 'consent_officer');
    auditor = await farm.addMember(projectId, 'compliance_auditor');
    const body = { projectId, kind: 'identity', sha256: 'a'.repeat(64), bytes: 100 };
    const { id: assetId } = (await farm.call('createAsset', producer.token, { body })).body;
    taskId = randomUUID();
    await farm.owner.query(
      `INSERT INTO tasks (id, kind, asset_id, start_frame, end_frame) VALUES ($1, 'enrol', $2, 0, 1)`,
      [taskId, assetId],
    );
  });
  afterAll(() => farm.stop());

  const leased = () => ({
    actor: 'worker:1',
    action: 'task.leased',
    subjectType: 'Task',
    subjectId: taskId,
    projectId,
    data: { kind: 'enrol', lane: 'lane 1' },
  });
  const ends = async (): Promise<Fault[]> => {
    const exported = await farm.send('GET', CONTENT_ROUTES.auditExport, { token: auditor.token });
    const { faults } = await verifyExport((await exported.text()).split('\n'));
    return faults.filter(({ kind }) => kind === 'ended');
  };
  /** Whether somebody waits for a lock of a row of tasks. */
  const isAnybodyWaiting = async (): Promise<boolean> => {
    const rows = await farm.owner.query(
      `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() AND query LIKE '%tasks%'`,
    );
    return rows.length > 0;
  };

  const ask = async (): Promise<{ keyDestructionId: string }> => {
    const project = (await farm.owner.query<{ name: string }>('SELECT name FROM projects'))[0]?.name;
    const { body } = await farm.call('askKeyDestruction', producer.token, {
      params: { projectId },
      body: { project, reason: 'the film is delivered' },
    });
    return { keyDestructionId: body.id };
  };

  it('takes another person than who asked for it', async () => {
    const params = await ask();
    const alone = await farm.call('approveKeyDestruction', producer.token, { params });
    expect(alone.body.error?.code).toBe('FORBIDDEN');
    const [project] = await farm.owner.query('SELECT key_destroyed_at AS "endedAt" FROM projects');
    expect(project).toMatchObject({ endedAt: null });
    const declined = { params, body: { reason: 'nobody else is there' } };
    expect((await farm.call('declineKeyDestruction', producer.token, declined)).status).toBe(200);
  });

  it('stands in the log after a lease that was being given while the second person approved', async () => {
    const params = await ask();
    let approval: Promise<{ status: number }> | undefined;
    await farm.runtime.hotTransaction(async (sql) => {
      // As a claim does it: the task first, its event later.
      await sql.query('SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE', [taskId]);
      approval = farm.call('approveKeyDestruction', officer.token, { params });
      await vi.waitFor(async () => expect(await isAnybodyWaiting()).toBe(true), { timeout: 30_000, interval: 50 });
      await sql.query(`UPDATE tasks SET state = 'leased', epoch = epoch + 1 WHERE id = $1`, [taskId]);
      await farm.app.get(AuditWriter).append(sql, leased());
    });
    expect((await approval)?.status).toBe(200);
    const [task] = await farm.owner.query('SELECT state FROM tasks WHERE id = $1', [taskId]);
    expect(task).toMatchObject({ state: 'cancelled' });
    const placed = await farm.audit('task.leased');
    expect(placed).toHaveLength(1);
    expect(await ends()).toEqual([]);
  });

  it('stands before no lease: verify names one that was given past it', async () => {
    await farm.app.get(AuditWriter).append(farm.owner, leased());
    await vi.waitFor(
      async () => {
        const [fault] = await ends();
        expect(fault?.message).toContain(`leases task ${taskId} to lane lane 1 in project ${projectId}`);
      },
      { timeout: 30_000, interval: 200 },
    );
  });
});
