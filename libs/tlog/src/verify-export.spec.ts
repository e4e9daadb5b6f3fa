import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { toCef } from './cef.js';
import { parseCheckpoint, signCheckpoint } from './checkpoint.js';
import { verifierKeyOf } from './note.js';
import { EXPORT_FORMAT } from './export-format.js';
import { leafHash, MerkleAccumulator } from './merkle.js';
import type { Outside } from './outside.js';
import { verifyExport } from './verify-export.js';

const { privateKey } = generateKeyPairSync('ed25519');
const origin = 'farm.example/audit';

const eventOf = (n: number, action = 'test.counted'): string =>
  JSON.stringify({
    action,
    actor: 'system',
    at: '2026-01-01T00:00:00.000Z',
    data: { n },
    id: `id ${n}`,
    subjectId: '-',
    subjectType: 'Test',
  });
const hashOf = (event: string): Uint8Array => leafHash(Buffer.from(event));

function noteOf(events: readonly string[]): string {
  const tree = new MerkleAccumulator();
  for (const event of events) tree.append(hashOf(event));
  return signCheckpoint({ origin, size: tree.size, root: tree.root() }, privateKey);
}
function exportOf(events: readonly string[]): string[] {
  const lines = events.map((event, index) => ({
    kind: 'leaf',
    index,
    hash: Buffer.from(hashOf(event)).toString('hex'),
    event,
  }));
  const verifierKey = verifierKeyOf(origin, privateKey);
  const head = {
    kind: 'log',
    format: EXPORT_FORMAT,
    checkpoint: noteOf(events),
    verifierKey,
    at: '2026-01-01T00:00:00.000Z',
    tables: [],
  };
  return [head, ...lines, { kind: 'end', leaves: events.length, rows: 0 }].map((line) => JSON.stringify(line));
}
function outsideOf(notes: readonly string[], kept: readonly string[] = []): Outside {
  return {
    checkpoints: notes.map(parseCheckpoint),
    async *leaves() {
      for (const event of kept) yield await Promise.resolve(hashOf(event));
    },
  };
}

const events = Array.from({ length: 70 }, (_, n) => eventOf(n));

describe('at every size to 70', () => {
  it('an honest export holds, against each earlier checkpoint', async () => {
    for (let size = 0; size <= events.length; size += 1) {
      const part = events.slice(0, size);
      const earlier = events.slice(0, Math.floor(size / 3));
      const outside = outsideOf([noteOf(earlier), noteOf(part)], part);
      expect(await verifyExport(exportOf(part), { outside })).toMatchObject({ ok: true, size, faults: [] });
    }
  });

  it('one entry changed anywhere is named', async () => {
    const outside = outsideOf([noteOf(events)], events);
    for (const index of events.keys()) {
      const forged = events.map((event, at) => (at === index ? eventOf(at, 'test.forged') : event));
      expect((await verifyExport(exportOf(forged), { outside })).faults[0]).toMatchObject({ kind: 'outside', index });
    }
  });
});

it('does not believe leaves kept outside that are not those of the checkpoints kept with them', async () => {
  const forged = events.map((event, at) => (at === 5 ? eventOf(at, 'test.forged') : event));
  // Somebody changed log and kept leaves alike, and could not change the kept checkpoint.
  const both = await verifyExport(exportOf(forged), { outside: outsideOf([noteOf(events)], forged) });
  expect(both.faults[0]).toMatchObject({ kind: 'outside', index: 0, before: 70 });
  // Somebody changed the kept leaves alone.
  const kept = await verifyExport(exportOf(events), { outside: outsideOf([noteOf(events)], forged) });
  expect(kept.faults.map(({ message }) => message)).toContain(
    'the leaves kept outside are not those of the checkpoints kept outside',
  );
});

it('knows a segment that a later version took over, and says when it is another', async () => {
  const taken = { action: 'segment.reused', subjectId: 'task 2', data: { epoch: 1, frames: 12, sha256: 'aa' } };
  const log = [...events, JSON.stringify({ ...JSON.parse(eventOf(70)), ...taken })];
  const withRow = (sha256: string): string[] => {
    const row = { kind: 'row', table: 'segments', id: 'task 2', values: { epoch: 1, frames: 12, sha256 } };
    const end = { kind: 'end', leaves: log.length, rows: 1 };
    return [...exportOf(log).slice(0, -1), JSON.stringify(row), JSON.stringify(end)];
  };
  expect(await verifyExport(withRow('aa'))).toMatchObject({ ok: true, rows: 1, faults: [] });
  expect((await verifyExport(withRow('bb'))).faults[0]).toMatchObject({ kind: 'row', row: { id: 'task 2' } });
});

describe('a project that two people ended', () => {
  const say = (action: string, projectId: string, subjectId: string, data: object = {}): string =>
    JSON.stringify({ ...JSON.parse(eventOf(0, action)), projectId, subjectId, data });
  const asked = say('key_destruction.asked', 'one', 'end 1');
  const approved = say('key_destruction.approved', 'one', 'end 1');
  const lease = (project: string, n: number, kind = 'render') =>
    say('task.leased', project, `task ${n}`, { kind, lane: 'lane 7' });
  const ordinary = [lease('one', 1), asked, lease('one', 2), approved, lease('another', 3), eventOf(9)];

  it('may have been at work until its end was approved, and others go on', async () => {
    expect(await verifyExport(exportOf(ordinary))).toMatchObject({ ok: true, faults: [] });
    const declined = [asked, say('key_destruction.declined', 'one', 'end 1'), lease('one', 1)];
    expect(await verifyExport(exportOf(declined))).toMatchObject({ ok: true, faults: [] });
  });

  it.each(['render', 'analyse', 'enrol'])('gives nothing to %s afterwards: each such claim is named', async (kind) => {
    const again = say('key_destruction.approved', 'one', 'end 2');
    const log = [...ordinary, lease('one', 4, kind), again, lease('one', 5, kind)];
    expect(await verifyExport(exportOf(log))).toMatchObject({
      ok: false,
      faults: [
        {
          kind: 'ended',
          index: 6,
          message: 'entry 6 leases task task 4 to lane lane 7 in project one, whose end was approved in entry 3',
        },
        { kind: 'ended', index: 8 },
      ],
    });
  });
});

it('takes no key from the export where one came another way', async () => {
  const { privateKey: another } = generateKeyPairSync('ed25519');
  const verifierKey = verifierKeyOf(origin, another);
  expect((await verifyExport(exportOf(events), { verifierKey })).faults[0]).toMatchObject({ kind: 'signature' });
});

it('writes an event as a line of CEF, escaped', () => {
  const line = toCef(
    { ...JSON.parse(eventOf(1, 'access.denied')), data: { text: 'a=b\\c|d\ne' }, projectId: null } as never,
    7,
  );
  expect(line).toMatch(
    /^CEF:0\|Understudy\|coordinator\|1\|access\.denied\|Test denied\|7\|rt=\d+ externalId=id 1 suser=system /,
  );
  expect(line).toContain('cn1=7');
  expect(line).toContain(String.raw`a\=b`);
  expect(line).not.toContain('\n');
});
