import type { Held } from '../ledger.js';
import { send } from '../relay.js';
import { type FaultCase, half, type Hit, hitNow, taskAccepted, type Trial } from '../trial.js';

async function killLane({ farm }: Trial, held: Held): Promise<Hit> {
  process.kill(await farm.lanePid(held.ordinal), 'SIGKILL');
  return hitNow(taskAccepted(held.taskId));
}

async function killWorker({ farm }: Trial, held: Held): Promise<Hit> {
  await farm.killWorker();
  return hitNow(taskAccepted(held.taskId));
}

/** As the kernel does that runs out of memory: what a lane decodes or encodes with goes, the lane itself stays. */
async function killTools({ farm }: Trial, shotId: string, kind: 'analyse' | 'render'): Promise<Hit> {
  const { ordinal } = await farm.ledger.running(shotId, 0, kind);
  const failed = `SELECT t.id FROM attempts a JOIN tasks t ON t.id = a.task_id JOIN shot_versions v ON v.id = t.shot_version_id
    WHERE v.shot_id = $1 AND t.kind = $2::task_kind AND a.state = 'failed' AND a.error_code = 'FFMPEG_FAILED' LIMIT 1`;
  const endMs = performance.now() + 30_000;
  while (performance.now() < endMs) {
    const [hit] = await farm.ledger.rows<{ id: string }>(failed, [shotId, kind]);
    if (hit !== undefined) return hitNow(taskAccepted(hit.id));
    for (const pid of await farm.toolsOf(ordinal)) kill(pid);
  }
  throw new Error('no attempt failed by the end of its decoder');
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}

const tools = (kind: 'analyse' | 'render', everyday?: true): FaultCase => ({
  ...{ fault: 'kill -9 of a lane’s decoder or encoder', phase: kind === 'render' ? 'rendering' : 'analysing' },
  ...(everyday === undefined ? {} : { everyday }),
  run: (t) => t.through((shot) => killTools(t, shot, kind), { fresh: kind === 'analyse' }),
});

const lane = (phase: string, run: FaultCase['run'], everyday?: true): FaultCase => ({
  ...{ fault: 'kill -9 of a lane', phase, run },
  ...(everyday === undefined ? {} : { everyday }),
});
const supervisor = (phase: string, run: FaultCase['run'], everyday?: true): FaultCase => ({
  ...lane(phase, run, everyday),
  fault: 'kill -9 of a supervisor',
});

export const KILLED_WORKERS: readonly FaultCase[] = [
  tools('render', true),
  tools('analyse'),
  lane('analysing', (t) =>
    t.through(async (shot) => await killLane(t, await t.farm.ledger.running(shot, 0, 'analyse')), { fresh: true }),
  ),
  lane('leased', (t) => t.through(async (shot) => await killLane(t, await t.farm.ledger.running(shot, 0)))),
  lane('rendering', (t) => t.through(async (shot) => await killLane(t, await t.farm.ledger.running(shot, 1))), true),
  lane('half uploaded', (t) =>
    t.through(() =>
      t.during('upload', async (call, held, forward) => {
        await forward(half(call));
        return { hit: await killLane(t, held), answer: null };
      }),
    ),
  ),
  lane('complete on its way', (t) =>
    t.through(() =>
      t.during('complete', async (call, held) => {
        const hit = await killLane(t, held);
        // It arrives all the same, as what has left a host does; or after the supervisor has answered for the lane.
        await send(call, t.farm.port);
        return { hit, answer: null };
      }),
    ),
  ),
  supervisor('leased', (t) =>
    t.through(async (shot) => {
      const hit = await killWorker(t, await t.farm.ledger.running(shot, 0));
      await t.farm.startWorker();
      return hit;
    }),
  ),
  supervisor(
    'rendering',
    (t) =>
      t.through(async (shot) => {
        const hit = await killWorker(t, await t.farm.ledger.running(shot, 1));
        await t.farm.startWorker();
        return hit;
      }),
    true,
  ),
  supervisor('half uploaded', (t) =>
    t.through(async () => {
      const hit = await t.during('upload', async (call, held, forward) => {
        await forward(half(call));
        return { hit: await killWorker(t, held), answer: null };
      });
      await t.farm.startWorker();
      return hit;
    }),
  ),
  supervisor('complete on its way', (t) =>
    t.through(async () => {
      const hit = await t.during('complete', async (call, held) => {
        const killed = await killWorker(t, held);
        await send(call, t.farm.port);
        return { hit: killed, answer: null };
      });
      await t.farm.startWorker();
      return hit;
    }),
  ),
];
