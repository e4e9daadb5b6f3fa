import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, vi } from 'vitest';
import { FirstEncryption } from '../../apps/coordinator/src/objects/first-encryption.js';
import { Stills } from '../../apps/coordinator/src/stills/stills.js';
import type { FakeLane } from './fake-lane.js';
import type { Stage, StagesFarm } from './stages-farm.js';
import { useStages } from './use-stages.js';

let farm: StagesFarm;
let stage: Stage;
let lane: FakeLane;
let plate: string;
useStages((world) => ({ farm, stage, lane, plate } = world));

const filesUnder = (folder: string): string[] =>
  readdirSync(join(farm.dataDir, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'alive')
    .map((entry) => join(entry.parentPath, entry.name));
const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** How the containers and pictures of a render begin. */
const MEDIA = [Buffer.from('ftyp'), Buffer.from('\x89PNG', 'latin1'), Buffer.from([0x1f, 0x8b, 0x08])];
const inTheClear = (folder: string): string[] =>
  filesUnder(folder).filter((path) => {
    const start = readFileSync(path).subarray(0, 64);
    return MEDIA.some((mark) => start.includes(mark));
  });

it('a shot from its plate to its delivery, with stills, leaves nothing in the clear', async () => {
  const { shotId, shotVersionId } = await farm.bringTo('ready', stage, lane);
  const png = await farm.get(Stills).png(shotId, 'before', 3, 64);
  expect(png.subarray(1, 4).toString()).toBe('PNG');
  expect(await farm.get(Stills).png(shotId, 'before', 3, 64)).toEqual(png);
  expect(filesUnder('stills')).toHaveLength(1);
  expect(filesUnder('objects').length).toBeGreaterThan(4);
  await vi.waitFor(() => expect(filesUnder('scratch')).toEqual([]), { timeout: 5000 });
  expect(inTheClear('.')).toEqual([]);
  const delivery = await farm.one<{ sha256: string }>('SELECT sha256 FROM deliveries WHERE shot_version_id = $1', [
    shotVersionId,
  ]);
  const file = await buffer(await farm.objects.of(stage.projectId).open(delivery.sha256));
  expect([sha256(file), file.subarray(4, 8).toString()]).toEqual([delivery.sha256, 'ftyp']);
});

it('a revocation takes away within two seconds what is being joined in the clear', async () => {
  const { shotVersionId } = await farm.bringTo('assembling', stage, lane);
  const objects = farm.objects.of(stage.projectId);
  const take = objects.takeFile.bind(objects);
  let goneMs = Number.POSITIVE_INFINITY;
  const joined = vi.spyOn(objects, 'takeFile').mockImplementationOnce(async (path) => {
    expect(filesUnder('scratch').length).toBeGreaterThan(3);
    // As another coordinator does it.
    await farm.owner.query(`UPDATE shot_versions SET state = 'revoked' WHERE id = $1`, [shotVersionId]);
    const revokedMs = performance.now();
    await vi.waitFor(() => expect(filesUnder('scratch')).toEqual([]), { timeout: 5000, interval: 10 });
    goneMs = performance.now() - revokedMs;
    return take(path);
  });
  try {
    await expect(farm.runStage('assemble', shotVersionId)).rejects.toMatchObject({ code: 'CONSENT_REVOKED' });
  } finally {
    joined.mockRestore();
  }
  expect(goneMs).toBeLessThan(2000);
});

describe('a data folder of before', () => {
  const CONTENT = Buffer.from('a plate as it came');
  const name = sha256(CONTENT);
  const old = (hash: string): string => join(farm.dataDir, 'objects', hash.slice(0, 2), hash);
  const lay = (hash: string, content: Uint8Array): void => {
    mkdirSync(join(old(hash), '..'), { recursive: true });
    writeFileSync(old(hash), content);
  };
  const first = () => farm.get(FirstEncryption).onModuleInit();

  it('is sealed for each project whose rows name an object; what nobody names, and what was on its way, goes', async () => {
    const other = await farm.addStage(plate);
    for (const { projectId } of [stage, other]) {
      await farm.owner.query(
        `INSERT INTO assets (id, project_id, kind, sha256, bytes, complete) VALUES ($1, $2, 'plate', $3, $4, true)`,
        [randomUUID(), projectId, name, CONTENT.length],
      );
    }
    const orphan = Buffer.from('nobody’s');
    lay(name, CONTENT);
    lay(sha256(orphan), orphan);
    const upload = join(farm.dataDir, 'uploads', randomUUID());
    writeFileSync(upload, 'half of a plate');
    mkdirSync(join(farm.dataDir, 'stills'), { recursive: true });
    writeFileSync(join(farm.dataDir, 'stills', `${name}-0-full.png`), 'a frame');
    // What came since, and what is coming, stays.
    const going = randomUUID();
    await farm.objects.of(stage.projectId).appendUpload(going, 0, Readable.from([CONTENT]), 1000);
    await first();
    for (const { projectId } of [stage, other]) {
      const objects = farm.objects.of(projectId);
      expect(await buffer(await objects.open(name))).toEqual(CONTENT);
    }
    expect(filesUnder('.').filter((path) => path.endsWith(`${name}-0-full.png`) || path === upload)).toEqual([]);
    expect(filesUnder('objects').filter((path) => path === old(name) || path === old(sha256(orphan)))).toEqual([]);
    expect(await farm.objects.uploadOffset(going)).toBe(CONTENT.length);
    await first();
  });

  it('goes on where it was killed, and keeps what is not what its name says', async () => {
    await farm.owner.query(
      `INSERT INTO assets (id, project_id, kind, sha256, bytes, complete) VALUES ($1, $2, 'plate', $3, $4, true)`,
      [randomUUID(), stage.projectId, name, CONTENT.length],
    );
    const objects = farm.objects.of(stage.projectId);
    lay(name, Buffer.from('something else'));
    await expect(first()).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(readFileSync(old(name)).toString()).toBe('something else');
    // Sealed already, and killed before the copy in the clear was taken away.
    await objects.put(Readable.from([CONTENT]));
    lay(name, CONTENT);
    await first();
    expect(filesUnder('objects')).not.toContain(old(name));
    expect(await buffer(await objects.open(name))).toEqual(CONTENT);
  });
});
