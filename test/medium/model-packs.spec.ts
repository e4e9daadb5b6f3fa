import { randomUUID } from 'node:crypto';
import {
  AddModelPack,
  type ModelManifestDocument,
  type ModelPack,
  type Processor,
  Recipe,
} from '@understudy/contracts';
import { packDigest } from '@understudy/inference';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Actor } from '../../apps/coordinator/src/access/actor.js';
import { ModelPackService } from '../../apps/coordinator/src/models/model-pack.service.js';
import { Claims } from '../../apps/coordinator/src/shards/claims.js';
import { FakeLane } from './fake-lane.js';
import { manifestOf } from './pack-fixture.js';
import type { Stage, StagesFarm } from './stages-farm.js';
import { refused } from './refused.js';
import { useStages } from './use-stages.js';

let farm: StagesFarm;
let lane: FakeLane;
let stage: Stage;
let packs: ModelPackService;

useStages((world) => {
  ({ farm, lane, stage } = world);
  packs = farm.get(ModelPackService);
});
beforeEach(async () => {
  const scope = `scope || '{"operations": ["replace", "restore"]}'`;
  await farm.owner.query(`UPDATE consents SET scope = ${scope} WHERE project_id = $1`, [stage.projectId]);
});

const person = (): Actor => ({ ...stage.actor, id: randomUUID() });
const fresh = (more?: Parameters<typeof manifestOf>[1]) => manifestOf(`pack-${randomUUID().slice(0, 8)}`, more);
async function approved(manifest: ModelManifestDocument, owner: { performerId?: string } = {}): Promise<ModelPack> {
  const { id } = await packs.add(person(), { manifest, ...owner });
  return packs.approve(person(), id, 'licence and source seen');
}

const restoreWith = (id: string, version?: string): Processor[] => [
  { type: 'replace', settings: { strength: 1, feather: 0.05 } },
  {
    type: 'restore',
    settings: {
      restorer: version === undefined ? { id } : { id, version },
      strength: 0.8,
      weight: 0.5,
      sharpness: 1.2,
      maxDrift: 0.1,
      feather: 0.12,
      blend: 'poisson',
      shape: 'hull',
    },
  },
];

describe('the registry of packs', () => {
  it('takes two people for a version, whichever way somebody tries alone', async () => {
    const adder = person();
    const pack = await packs.add(adder, { manifest: fresh() });
    expect(pack).toMatchObject({ approved: false, isDefault: false, approvedBy: null });
    expect(await refused(packs.approve(adder, pack.id, 'mine'))).toMatchObject({ code: 'FORBIDDEN' });
    const alone = farm.owner.query('UPDATE model_packs SET approved_by = added_by, approved_at = now() WHERE id = $1', [
      pack.id,
    ]);
    expect(String(await refused(alone))).toMatch(/model_packs_four_eyes/);
    expect(await refused(packs.setDefault(adder, pack.id, 'mine'))).toMatchObject({ code: 'PACK_NOT_APPROVED' });
    const other = person();
    expect(await packs.approve(other, pack.id, 'seen')).toMatchObject({ approvedBy: other.id, isDefault: true });
    expect(await refused(packs.approve(person(), pack.id, 'again'))).toMatchObject({ code: 'CONFLICT' });
  });

  it('keeps what was approved as it was, and one default of each pack', async () => {
    const manifest = fresh();
    const first = await approved(manifest);
    const second = await approved({ ...manifest, version: '2' });
    expect([first.isDefault, second.isDefault]).toEqual([true, false]);
    expect(await packs.setDefault(person(), second.id, 'better')).toMatchObject({ isDefault: true });
    const defaults = await farm.owner.query('SELECT version FROM model_packs WHERE pack = $1 AND is_default', [
      manifest.id,
    ]);
    expect(defaults).toEqual([{ version: '2' }]);
    const changed = farm.owner.query(`UPDATE model_packs SET manifest = '{}' WHERE id = $1`, [first.id]);
    expect(String(await refused(changed))).toMatch(/does not change/);
    const another = { ...manifest, licence: 'another' };
    expect(await refused(packs.add(person(), { manifest: another }))).toMatchObject({ code: 'CONFLICT' });
    expect(await packs.add(person(), { manifest })).toMatchObject({ id: first.id });
    expect(await refused(packs.add(person(), { manifest: manifestOf('classical') }))).toMatchObject({
      code: 'PACK_MANIFEST_INVALID',
    });
  });
});

describe('a submission with packs', () => {
  const submit = (processors: Processor[]) => farm.submit(stage, { recipe: { processors } });

  it('is refused for a pack that is unknown, not approved, of another kind, or not licensed for the project', async () => {
    expect(await refused(submit(restoreWith('nowhere')))).toMatchObject({ code: 'PACK_UNKNOWN' });
    const waiting = fresh();
    await packs.add(person(), { manifest: waiting });
    expect(await refused(submit(restoreWith(waiting.id)))).toMatchObject({ code: 'PACK_NOT_APPROVED' });
    const swapper = await approved(fresh({ row: 'inswapper_128' }));
    expect(await refused(submit(restoreWith(swapper.pack)))).toMatchObject({ code: 'INVALID_REQUEST' });
    const unlicensed = await approved(fresh({ commercialUse: false, licence: 'research only' }));
    await farm.owner.query('UPDATE projects SET commercial = true WHERE id = $1', [stage.projectId]);
    const error = await refused(submit(restoreWith(unlicensed.pack)));
    expect(error).toMatchObject({ code: 'LICENCE_REFUSED', details: { licence: 'research only' } });
    expect(await farm.owner.query('SELECT 1 FROM shots WHERE project_id = $1', [stage.projectId])).toEqual([]);
  });

  it('needs consent to restore beside consent to replace', async () => {
    const scope = `scope || '{"operations": ["replace"]}'`;
    await farm.owner.query(`UPDATE consents SET scope = ${scope} WHERE id = $1`, [stage.plateConsentId]);
    const error = await refused(submit(restoreWith('classical')));
    expect(error).toMatchObject({ code: 'CONSENT_OUT_OF_SCOPE' });
    expect(error.details?.['reasons']).toEqual([
      expect.objectContaining({ role: 'plate', reasons: ['OPERATION_OUT_OF_SCOPE'] }),
    ]);
  });

  it('restores before it replaces, or replaces twice, in no recipe', async () => {
    const [replace, restore] = restoreWith('classical') as [Processor, Processor];
    expect(await refused(submit([restore, replace]))).toMatchObject({ code: 'INVALID_REQUEST' });
    expect(await refused(submit([restore]))).toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringMatching(/same performer on both sides/) as string,
    });
  });

  it('is planned with version and hash, and rendered by a lane that passed the self-test alone', async () => {
    const manifest = fresh();
    await approved(manifest);
    const sha256 = packDigest(manifest);
    const recipe = { processors: restoreWith(manifest.id) };
    const { shotVersionId } = await farm.bringTo('rendering', stage, lane, { recipe });
    const [row] = await farm.owner.query<{ restorer: unknown; needs: unknown }>(
      `SELECT settings->'recipe'->'processors'->1->'settings'->'restorer' AS restorer, needs
         FROM shot_versions WHERE id = $1`,
      [shotVersionId],
    );
    expect(row).toEqual({ restorer: { id: manifest.id, version: '1', sha256 }, needs: { models: [sha256] } });
    expect(await farm.get(Claims).claim(lane.lane)).toBeNull();
    const able = await FakeLane.register(farm, [sha256]);
    expect(await farm.get(Claims).claim(able.lane)).toMatchObject({
      kind: 'render',
      recipe: { processors: [{ type: 'replace' }, { settings: { restorer: { id: manifest.id, sha256 } } }] },
    });
  });
});

describe("a performer's own model", () => {
  const swapWith = (id: string, overrides?: unknown): Recipe =>
    Recipe.parse({ processors: [{ type: 'swap', settings: { swapper: { id } }, overrides }] });
  const identity = () => ({ performerId: stage.identityPerformerId });
  const other = () => ({ performerId: stage.platePerformerId });

  it('names that performer, for good, and no other pack does', async () => {
    const manifest = fresh({ row: 'dfm' });
    expect(AddModelPack.safeParse({ manifest }).success).toBe(false);
    expect(AddModelPack.safeParse({ manifest: fresh(), ...identity() }).success).toBe(false);
    expect(AddModelPack.safeParse({ manifest, ...identity() }).success).toBe(true);
    const nobody = packs.add(person(), { manifest, performerId: randomUUID() });
    expect(await refused(nobody)).toMatchObject({ code: 'NOT_FOUND' });
    const pack = await packs.add(person(), { manifest, ...identity() });
    expect(pack).toMatchObject(identity());
    expect(await refused(packs.add(person(), { manifest, ...other() }))).toMatchObject({ code: 'CONFLICT' });
    const moved = farm.owner.query('UPDATE model_packs SET performer_id = $2 WHERE id = $1', [
      pack.id,
      stage.platePerformerId,
    ]);
    expect(String(await refused(moved))).toMatch(/does not change/);
    const ownerless = farm.owner.query(
      `INSERT INTO model_packs (id, pack, version, sha256, manifest, added_by)
       SELECT gen_random_uuid(), pack, '2', sha256, manifest, added_by FROM model_packs WHERE id = $1`,
      [pack.id],
    );
    expect(String(await refused(ownerless))).toMatch(/model_packs_performer_named/);
  });

  it('is run for cast members who become that performer, and refused for everybody else', async () => {
    const own = await approved(fresh({ row: 'dfm' }), identity());
    const others = await approved(fresh({ row: 'dfm' }), other());
    expect(await refused(farm.submit(stage, { recipe: swapWith(others.pack) }))).toMatchObject({
      code: 'PACK_OF_ANOTHER_PERFORMER',
      details: { pack: others.pack, cast: 0 },
    });
    await farm.bringTo('rendering', stage, lane, { recipe: swapWith(own.pack) });
    // Another version becomes the default between submission and plan: somebody else's.
    const shot = await farm.bringTo('planning', stage, lane, { recipe: swapWith(own.pack) });
    const later = await approved(manifestOf(own.pack, { row: 'dfm', version: '2' }), other());
    await packs.setDefault(person(), later.id, 'newer');
    const planned = farm.runStage('plan', shot.shotVersionId);
    expect(await refused(planned)).toMatchObject({ code: 'PACK_OF_ANOTHER_PERFORMER' });
    expect(await farm.stateOf(shot.shotVersionId)).toBe('planning');
  });

  it('may be another for each member of the cast, in one pass', async () => {
    const own = await approved(fresh({ row: 'dfm' }), identity());
    const others = await approved(fresh({ row: 'dfm' }), other());
    const forMember = (cast: number, id: string) => [{ cast: [cast], settings: { swapper: { id } } }];
    const recipe = swapWith(others.pack, forMember(0, own.pack));
    const { shotVersionId } = await farm.bringTo('rendering', stage, lane, { recipe });
    const [row] = await farm.owner.query<{ swapper: unknown; needs: { models: string[] } }>(
      `SELECT settings#>'{recipe,processors,0,overrides,0,settings,swapper}' AS swapper, needs FROM shot_versions WHERE id = $1`,
      [shotVersionId],
    );
    expect(row?.swapper).toEqual({ id: own.pack, version: '1', sha256: own.sha256 });
    expect(row?.needs.models).toEqual([own.sha256, others.sha256].toSorted());
    const wrong = swapWith(own.pack, forMember(0, others.pack));
    expect(await refused(farm.submit(stage, { recipe: wrong }))).toMatchObject({ code: 'PACK_OF_ANOTHER_PERFORMER' });
    // An embedding swapper of one member alone needs its recogniser as any does.
    const swapper = await approved(fresh({ row: 'inswapper_128' }));
    const bare = swapWith(own.pack, forMember(0, swapper.pack));
    expect(await refused(farm.submit(stage, { recipe: bare }))).toMatchObject({ code: 'INVALID_REQUEST' });
  });
});

describe('an analysis with packs', () => {
  const detectorOf = async (more?: Parameters<typeof manifestOf>[1]) => {
    const manifest = fresh({ row: 'yunet_2023_mar', ...more });
    await approved(manifest);
    return { id: manifest.id, version: manifest.version, sha256: packDigest(manifest) };
  };
  const analysisOf = async (shotVersionId: string) => {
    const [row] = await farm.owner.query<{ analysisId: string }>(
      'SELECT analysis_id AS "analysisId" FROM shot_versions WHERE id = $1',
      [shotVersionId],
    );
    return row?.analysisId;
  };

  it('is refused for a pack that is unknown, not approved, or finds no faces', async () => {
    const submit = (analysis: object) => farm.submit(stage, { analysis });
    expect(await refused(submit({ detector: { id: 'nowhere' } }))).toMatchObject({ code: 'PACK_UNKNOWN' });
    const waiting = fresh({ row: '2dfan4' });
    await packs.add(person(), { manifest: waiting });
    expect(await refused(submit({ landmarks: { id: waiting.id } }))).toMatchObject({ code: 'PACK_NOT_APPROVED' });
    const { id } = await detectorOf();
    expect(await refused(submit({ landmarks: { id } }))).toMatchObject({ code: 'INVALID_REQUEST' });
  });

  it('is pinned before its first range, which only lanes that passed the self-tests get', async () => {
    const detector = await detectorOf();
    const { shotVersionId } = await farm.bringTo('analysing', stage, lane, {
      analysis: { detector: { id: detector.id } },
    });
    // Another version becomes the default while it runs: what is pinned stays.
    const later = await approved(manifestOf(detector.id, { row: 'yunet_2023_mar', version: '2' }));
    await packs.setDefault(person(), later.id, 'better');
    expect(await farm.get(Claims).claim(lane.lane)).toBeNull();
    const able = await FakeLane.register(farm, [detector.sha256]);
    expect(await farm.get(Claims).claim(able.lane)).toMatchObject({ kind: 'analyse', packs: { detector } });
    const [row] = await farm.owner.query('SELECT needs FROM shot_versions WHERE id = $1', [shotVersionId]);
    expect(row).toEqual({ needs: { analysisModels: [detector.sha256] } });
  });

  it('is taken for a later shot of the plate with the same packs, and for no other', async () => {
    const detector = await detectorOf();
    const other = await detectorOf();
    const able = await FakeLane.register(farm, [detector.sha256, other.sha256]);
    const planned = async (more: Record<string, unknown>) => {
      const { shotVersionId } = await farm.submit(stage, more);
      await farm.runStage('ingest', shotVersionId);
      if ((await farm.stateOf(shotVersionId)) === 'analysing') {
        await able.workOff();
        await farm.runStage('link', shotVersionId);
      }
      return analysisOf(shotVersionId);
    };
    const plain = await planned({});
    const first = await planned({ analysis: { detector: { id: detector.id } } });
    expect(first).not.toBe(plain);
    expect(await planned({ analysis: { detector: { id: detector.id, version: '1' } } })).toBe(first);
    expect(await planned({ analysis: { detector: { id: other.id } } })).not.toBe(first);
    expect(await planned({ analysis: {} })).toBe(plain);
  });
});
