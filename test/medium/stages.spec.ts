import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type FaceObservation, type StageName, UnderstudyError } from '@understudy/contracts';
import { AuditWriter } from '../../apps/coordinator/src/audit/audit-writer.js';
import { TemplateService } from '../../apps/coordinator/src/assets/template.service.js';
import { type FakeLane, observe } from './fake-lane.js';
import { PLATE_FRAMES } from './drawn-plate.js';
import type { Stage, StagesFarm } from './stages-farm.js';
import { useStages } from './use-stages.js';

let plate: string;
let farm: StagesFarm;
let lane: FakeLane;
let stage: Stage;
const bothPeople = (frame: number): FaceObservation[] => [observe(frame, 0), observe(frame, 1)];

useStages((world) => {
  ({ farm, lane, plate, stage } = world);
});
beforeEach(() => {
  lane.faces = bothPeople;
});

describe('the stages of a shot', () => {
  it('take it from the plate to a verified delivery that waits for its release', async () => {
    const { shotVersionId } = await farm.bringTo('ready', stage, lane);
    const delivery = await farm.one<{ state: string; frames: number; verification: { frames: number } }>(
      'SELECT state::text AS state, frames, verification FROM deliveries WHERE shot_version_id = $1',
      [shotVersionId],
    );
    expect(delivery).toMatchObject({ state: 'ready', frames: PLATE_FRAMES, verification: { frames: PLATE_FRAMES } });
    const { events } = (await farm.snapshot(shotVersionId)) as { events: string[] };
    expect(events.filter((event) => event !== 'shot.check_waived')).toEqual([
      'shot.submitted',
      'shot.analysing',
      'shot.linking',
      'shot.planning',
      'shot.rendering',
      'shot.assembling',
      'shot.verifying',
      'shot.ready',
    ]);
  });

  it('cut ranges that touch and cover the plate, shared by two lanes at least', async () => {
    const { shotVersionId } = await farm.bringTo('ready', stage, lane, { leastShards: 7 });
    for (const [kind, count] of [
      ['analyse', 2],
      ['render', 7],
    ] as const) {
      const ranges = await farm.owner.query<{ start: number; end: number }>(
        `SELECT start_frame AS start, end_frame AS "end" FROM tasks WHERE shot_version_id = $1 AND kind = $2::task_kind
          ORDER BY start_frame`,
        [shotVersionId, kind],
      );
      expect(ranges.length, kind).toBe(count);
      expect([0, ...ranges.map(({ end }) => end)], kind).toEqual([...ranges.map(({ start }) => start), PLATE_FRAMES]);
    }
  });

  it('bind the consenting face and forget everybody else', async () => {
    const { shotVersionId } = await farm.bringTo('rendering', stage, lane);
    const { tracks, members } = (await farm.snapshot(shotVersionId)) as {
      tracks: { track: number; template: string | null }[];
      members: { tracks: number[] }[];
    };
    expect(tracks).toHaveLength(2);
    expect(members[0]?.tracks).toHaveLength(1);
    const cast = members[0]?.tracks[0];
    expect(tracks.filter(({ template }) => template !== null).map(({ track }) => track)).toEqual([cast]);
    const objects = farm.objects.of(stage.projectId);
    const analysis = await farm.one<{ sha256: string }>(
      'SELECT n.sha256 FROM analyses n JOIN shot_versions v ON v.analysis_id = n.id WHERE v.id = $1',
      [shotVersionId],
    );
    const table = gunzipSync(await buffer(await objects.open(analysis.sha256))).toString();
    expect(table).toContain('understudy-analysis/1');
    expect(table).not.toContain('embedding');
    // What the lanes sent holds a template of every face: it is gone too.
    const results = await farm.owner.query<{ sha256: string }>(
      `SELECT a.result->>'sha256' AS sha256 FROM attempts a JOIN tasks t ON t.id = a.task_id
        WHERE t.shot_version_id = $1 AND t.kind = 'analyse'`,
      [shotVersionId],
    );
    expect(results).toHaveLength(2);
    for (const { sha256 } of results) expect(await objects.stat(sha256)).toBeNull();
  });

  it('give the same analysis object for the same observations', async () => {
    const shas = [];
    for (const at of [stage, await farm.addStage(plate)]) {
      const { shotVersionId } = await farm.bringTo('planning', at, lane);
      const found = await farm.one<{ id: string; sha256: string }>(
        'SELECT n.id, n.sha256 FROM analyses n JOIN shot_versions v ON v.analysis_id = n.id WHERE v.id = $1',
        [shotVersionId],
      );
      shas.push(found.sha256);
    }
    expect(shas[0]).toBe(shas[1]);
  });

  it('reuse a finished analysis where it still tells everybody apart', async () => {
    lane.faces = (frame) => [observe(frame, 0)];
    await farm.bringTo('rendering', stage, lane);
    const again = await farm.submit(stage);
    await farm.runStage('ingest', again.shotVersionId);
    expect(await farm.stateOf(again.shotVersionId)).toBe('planning');
    await farm.runStage('plan', again.shotVersionId);
    expect(await farm.stateOf(again.shotVersionId)).toBe('rendering');
  });

  it('analyse anew where somebody was forgotten whom this shot must tell apart', async () => {
    await farm.bringTo('rendering', stage, lane);
    const again = await farm.submit(stage);
    await farm.runStage('ingest', again.shotVersionId);
    expect(await farm.stateOf(again.shotVersionId)).toBe('analysing');
  });
});

/** The state in which a shot waits for each stage. */
const WAITS: [Exclude<StageName, 'template' | 'notify' | 'trace'>, Parameters<StagesFarm['bringTo']>[0]][] = [
  ['ingest', 'ingesting'],
  ['link', 'linking'],
  ['plan', 'planning'],
  ['assemble', 'assembling'],
  ['verify', 'verifying'],
];

describe.each(WAITS)('%s', (name, state) => {
  it('run twice does its work once', async () => {
    const { shotVersionId } = await farm.bringTo(state, stage, lane);
    await farm.runStage(name, shotVersionId);
    const once = await farm.snapshot(shotVersionId);
    await farm.runStage(name, shotVersionId);
    expect(await farm.snapshot(shotVersionId)).toEqual(once);
    expect(await farm.stateOf(shotVersionId)).not.toBe(state);
  });

  it('killed before its end leaves nothing, and done again gives all of it', async () => {
    const { shotVersionId } = await farm.bringTo(state, stage, lane);
    const before = await farm.snapshot(shotVersionId);
    const killed = vi.spyOn(farm.get(AuditWriter), 'append').mockRejectedValueOnce(new Error('killed'));
    try {
      await expect(farm.runStage(name, shotVersionId)).rejects.toThrow('killed');
    } finally {
      killed.mockRestore();
    }
    expect(await farm.snapshot(shotVersionId)).toEqual(before);
    await farm.runStage(name, shotVersionId);
    expect(await farm.stateOf(shotVersionId)).not.toBe(state);
  });

  it('run by two replicas at once does its work once', async () => {
    const { shotVersionId } = await farm.bringTo(state, stage, lane);
    await Promise.all([farm.runStage(name, shotVersionId), farm.runStage(name, shotVersionId)]);
    const { events, tasks, deliveries } = (await farm.snapshot(shotVersionId)) as Record<string, unknown[] | null>;
    const steps = (events ?? []).filter((event) => event !== 'shot.check_waived');
    expect(new Set(steps).size).toBe(steps.length);
    expect(deliveries?.length ?? 0).toBeLessThanOrEqual(1);
    expect(
      (tasks as { kind: string }[] | null)?.filter(({ kind }) => kind === 'render').length ?? 0,
    ).toBeLessThanOrEqual(2);
  });

  it('abandoned fails its shot with the code and one line', async () => {
    const { shotVersionId } = await farm.bringTo(state, stage, lane);
    const error = new UnderstudyError('UNREADABLE_MEDIA', 'the file is broken\nat line 2', {
      details: { path: '/secret' },
    });
    await farm.handlers[name].abandon({ shotVersionId }, error);
    expect(await farm.stateOf(shotVersionId)).toBe('failed');
    expect(await farm.errorOf(shotVersionId)).toEqual({
      code: 'UNREADABLE_MEDIA',
      message: 'the file is broken',
      details: {},
    });
    expect(await lane.workOff()).toEqual([]);
  });
});

describe('assembly', () => {
  it('refuses a segment whose hash was changed in the database', async () => {
    const { shotVersionId } = await farm.bringTo('assembling', stage, lane);
    const joined = vi.spyOn(farm.objects.of(stage.projectId), 'takeFile');
    try {
      const [taken] = await farm.owner.tampering.query<{ id: string }>(
        `UPDATE segments SET sha256 = o.sha256 FROM segments o JOIN tasks t ON t.id = o.task_id
          WHERE t.shot_version_id = $1 AND t.start_frame = 0 AND segments.task_id = (SELECT id FROM tasks
            WHERE shot_version_id = $1 AND kind = 'render' AND start_frame > 0 LIMIT 1)
          RETURNING segments.task_id AS id`,
        [shotVersionId],
      );
      const error = { code: 'RECORD_ALTERED', details: { table: 'segments', id: taken?.id } };
      await expect(farm.runStage('assemble', shotVersionId)).rejects.toMatchObject(error);
      expect(joined).not.toHaveBeenCalled();
    } finally {
      joined.mockRestore();
    }
  });

  it('refuses segments that do not cover the plate', async () => {
    const { shotVersionId } = await farm.bringTo('assembling', stage, lane);
    await farm.owner.query(
      `UPDATE segments SET quarantined_at = now() WHERE task_id = (SELECT id FROM tasks WHERE shot_version_id = $1
        AND kind = 'render' ORDER BY start_frame OFFSET 1 LIMIT 1)`,
      [shotVersionId],
    );
    // Before anything is joined: the frame is where the first segment ends.
    const error = { code: 'JOIN_MISMATCH', details: { frame: PLATE_FRAMES / 2 } };
    await expect(farm.runStage('assemble', shotVersionId)).rejects.toMatchObject(error);
  });

  const expire = () =>
    farm.owner.query(`UPDATE consents SET scope = scope || '{"validUntil": "2020-01-01T00:00:00Z"}' WHERE id = $1`, [
      stage.identityConsentId,
    ]);
  const expired = {
    code: 'CONSENT_EXPIRED',
    details: { point: 'assemble', reasons: [{ role: 'identity', reasons: ['CONSENT_EXPIRED'] }] },
  };
  const deliveries = (shotVersionId: string) =>
    farm.owner.query('SELECT 1 FROM deliveries WHERE shot_version_id = $1', [shotVersionId]);

  it('joins nothing without consent', async () => {
    const { shotVersionId } = await farm.bringTo('assembling', stage, lane);
    await expire();
    const joined = vi.spyOn(farm.objects.of(stage.projectId), 'takeFile');
    try {
      await expect(farm.runStage('assemble', shotVersionId)).rejects.toMatchObject(expired);
      expect(joined).not.toHaveBeenCalled();
    } finally {
      joined.mockRestore();
    }
    expect(await deliveries(shotVersionId)).toEqual([]);
  });

  it('keeps nothing whose consent ended while it was joined', async () => {
    const { shotVersionId } = await farm.bringTo('assembling', stage, lane);
    const objects = farm.objects.of(stage.projectId);
    const take = objects.takeFile.bind(objects);
    const joined = vi.spyOn(objects, 'takeFile').mockImplementationOnce(async (path) => {
      await expire();
      return take(path);
    });
    try {
      await expect(farm.runStage('assemble', shotVersionId)).rejects.toMatchObject(expired);
      expect(joined).toHaveBeenCalledTimes(1);
    } finally {
      joined.mockRestore();
    }
    expect(await deliveries(shotVersionId)).toEqual([]);
  });
});

/** 512 float32, with the mark, the nonce and the tag of their encryption. */
const SEALED_BYTES = 2048 + 4 + 12 + 16;

it('reads a face template from an accepted enrol result', async () => {
  const assetId = await farm.addAsset(stage.projectId, 'identity', Buffer.from('an image'));
  await farm.get(TemplateService).create(stage.actor, assetId);
  const [lease] = await lane.workOff();
  expect(lease?.kind).toBe('enrol');
  const taskId = lease?.taskId ?? '';
  await farm.handlers.template.run({ taskId });
  const row =
    'SELECT state::text AS state, recogniser, octet_length(template) AS bytes FROM face_templates WHERE asset_id = $1';
  expect(await farm.one(row, [assetId])).toEqual({ state: 'ready', recogniser: 'test', bytes: SEALED_BYTES });
  await farm.handlers.template.run({ taskId });
  expect(await farm.one(row, [assetId])).toEqual({ state: 'ready', recogniser: 'test', bytes: SEALED_BYTES });
});
