import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type RenderLease, ResubmitShot } from '@understudy/contracts';
import { describe, expect, it } from 'vitest';
import { Resubmissions } from '../../apps/coordinator/src/shots/resubmissions.js';
import { newestVersions } from '../../apps/coordinator/src/shots/shot-row.js';
import { ShotRepository } from '../../apps/coordinator/src/shots/shot.repository.js';
import type { FakeLane } from './fake-lane.js';
import { refused } from './refused.js';
import { PLATE_FRAMES } from './drawn-plate.js';
import type { Stage, StagesFarm } from './stages-farm.js';
import { useStages } from './use-stages.js';

const run = promisify(execFile);
let folder: string;
let farm: StagesFarm;
let lane: FakeLane;
let stage: Stage;
/** Drawn once, by the first test that wants it. */
let fitting: Promise<Buffer> | undefined;
const fits = (): Promise<Buffer> => (fitting ??= drawMatte(PLATE_FRAMES));

useStages((world) => {
  ({ folder, farm, lane, stage } = world);
});

/** A grey clip whose left half is black. */
async function drawMatte(frames: number, size = '96x64', rate = 24): Promise<Buffer> {
  const path = join(folder, `matte-${randomUUID()}.mp4`);
  const picture = `color=white:size=${size}:rate=${rate},drawbox=w=iw/2:color=black:t=fill,trim=end_frame=${frames}`;
  await run('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', picture, '-c:v', 'libx264', '-qp', '0', path]);
  return await readFile(path);
}

const matteOf = (content: Uint8Array): Promise<string> => farm.addAsset(stage.projectId, 'matte', content);

async function failureOf(content: Buffer): Promise<unknown> {
  const { shotVersionId } = await farm.submit(stage, { matteAssetId: await matteOf(content) });
  return refused(farm.runStage('ingest', shotVersionId));
}

describe('a matte', () => {
  it('is looked at with the plate, named in the shot and leased with its frames', async () => {
    const matteAssetId = await matteOf(await fits());
    const { shotId, shotVersionId } = await farm.bringTo('rendering', stage, lane, { matteAssetId });
    const leases = (await lane.workOff()).filter((lease): lease is RenderLease => lease.kind === 'render');
    expect(leases.length).toBeGreaterThanOrEqual(2);
    const asset = await farm.one<{ sha256: string; frames: number }>(
      `SELECT sha256, (media->>'frameCount')::int AS frames FROM assets WHERE id = $1`,
      [matteAssetId],
    );
    expect(asset.frames).toBe(PLATE_FRAMES);
    for (const { matte } of leases) {
      expect(matte).toMatchObject({ source: { sha256: asset.sha256 }, info: { frameCount: PLATE_FRAMES } });
    }
    expect((await newestVersions(farm.database, [shotId])).get(shotId)).toMatchObject({ matteAssetId });
    const { canonical } = await farm.one<{ canonical: string }>(
      `SELECT canonical FROM audit_events WHERE subject_id = $1 AND action = 'shot.submitted'`,
      [shotVersionId],
    );
    expect(canonical).toContain(matteAssetId);
  });

  it('holds for the frames of a shot that are rendered anew', async () => {
    const matteAssetId = await matteOf(await fits());
    const { shotId } = await farm.bringTo('ready', stage, lane, { matteAssetId, leastShards: 4 });
    const head = await farm.get(ShotRepository).find(stage.actor, 'create', shotId);
    const frames = { startFrame: 0, endFrame: 1 };
    await farm.get(Resubmissions).resubmit(stage.actor, head, ResubmitShot.parse({ frames, reason: 'a softer edge' }));
    const second = (await newestVersions(farm.database, [shotId])).get(shotId);
    expect(second).toMatchObject({ version: 2, matteAssetId });
    const leases = (await lane.workOff()).filter((lease): lease is RenderLease => lease.kind === 'render');
    expect(leases).toHaveLength(1);
    expect(leases[0]?.matte).toMatchObject({ info: { frameCount: PLATE_FRAMES } });
  });

  it.each([
    ['frames', () => drawMatte(PLATE_FRAMES - 1), PLATE_FRAMES - 1],
    ['size', () => drawMatte(PLATE_FRAMES, '64x96'), '64x96'],
    ['rate', () => drawMatte(PLATE_FRAMES, '96x64', 25), '25/1'],
  ])('of other %s than the plate is refused, with what differs', async (what, draw, found) => {
    expect(await failureOf(await draw())).toMatchObject({
      code: 'MATTE_MISMATCH',
      details: { differs: { [what]: { matte: found } } },
    });
  });

  it('is refused where it would uncover faces, and where it is no matte of the project', async () => {
    const matteAssetId = await matteOf(await fits());
    const anonymise = { recipe: { processors: [{ type: 'anonymise' }] }, cast: [], basis: 'bystanders' };
    expect(await refused(farm.submit(stage, { ...anonymise, matteAssetId }))).toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining('faces that anonymise covers'),
    });
    const plate = { matteAssetId: stage.plateAssetId };
    expect(await refused(farm.submit(stage, plate))).toMatchObject({ code: 'NOT_FOUND' });
  });

  it.each([
    [
      'another one is named',
      `UPDATE shot_versions SET settings = jsonb_set(settings, '{matteAssetId}', to_jsonb($2::text)) WHERE id = $1`,
    ],
    [
      'none is named',
      `UPDATE shot_versions SET settings = settings - 'matteAssetId' WHERE id = $1 AND $2::text IS NOT NULL`,
    ],
    [
      'it is other bytes',
      `UPDATE assets SET sha256 = repeat('e', 64) WHERE id = (SELECT (settings->>'matteAssetId')::uuid FROM shot_versions WHERE id = $1) AND $2::text IS NOT NULL`,
    ],
  ])('is under the seal of the cast: no lane gets the shot where, past the service, %s', async (_, change) => {
    const matteAssetId = await matteOf(await fits());
    const other = await matteOf(Buffer.concat([await fits(), Buffer.from(randomUUID())]));
    const { shotVersionId } = await farm.bringTo('rendering', stage, lane, { matteAssetId });
    await farm.owner.tampering.query(change, [shotVersionId, other]);
    expect(await lane.workOff()).toEqual([]);
    expect(await farm.errorOf(shotVersionId)).toMatchObject({ code: 'RECORD_ALTERED' });
  });

  it('put where there was none is found too', async () => {
    const { shotVersionId } = await farm.bringTo('rendering', stage, lane);
    await farm.owner.tampering.query(
      `UPDATE shot_versions SET settings = settings || jsonb_build_object('matteAssetId', $2::text) WHERE id = $1`,
      [shotVersionId, await matteOf(await fits())],
    );
    expect(await lane.workOff()).toEqual([]);
    expect(await farm.errorOf(shotVersionId)).toMatchObject({ code: 'RECORD_ALTERED' });
  });
});
