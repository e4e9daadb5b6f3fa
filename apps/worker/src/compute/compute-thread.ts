import { UnderstudyError } from '@understudy/contracts';
import { faceAnalyser, openFaceModels, recogniserOf, warmUp } from '@understudy/face';
import { ensureDefaultPack, selfTestPacks } from '@understudy/inference';

import { analyseFrames } from '../analyse-range.js';
import { enrolTask } from '../enrol-image.js';
import { serveWork } from '../frames/thread.js';
import { LaneControl } from '../lane/control.js';
import type { LaneTools } from '../lane/tools.js';
import { readIdentity } from '../render/identity.js';
import { LastPreparedShot } from '../render/prepared-shot.js';
import { renderFrames } from '../render-shard.js';
import { LastAnalysisModels } from './analysis-models.js';
import type { ComputeOrder, ComputeWork } from './work.js';

/** A thread with models of its own: the runtime computes on the thread that asks it, which waits. */

let opened: LaneTools | undefined;
const shots = new LastPreparedShot();
const analyses = new LastAnalysisModels();

async function compute(order: ComputeOrder): Promise<ComputeWork[keyof ComputeWork]['result']> {
  if (order.kind === 'open') return open(order);
  if (opened === undefined) throw new UnderstudyError('INTERNAL', 'A computing thread was not opened.');
  const { dataDir, session, control } = opened;
  if (order.kind === 'selfTest') return selfTestPacks(dataDir, session);
  if (order.kind === 'enrol') return enrolTask(opened, order.task, order.lease);
  if (order.kind === 'identity') return readIdentity(opened, order.task, order.images);
  if (order.kind === 'analyse') {
    return analyseFrames(order.frames, faceAnalyser(await analyses.of(opened, order.packs)), control);
  }
  if (order.kind === 'forget') return shots.forget();
  const tools = opened;
  return renderFrames(order.frames, async () => shots.of(tools, order.shot), control);
}

async function open({ computing, control }: ComputeWork['open']['given']): Promise<ComputeWork['open']['result']> {
  const { dataDir, ...session } = computing;
  const pack = await ensureDefaultPack(dataDir);
  const models = await openFaceModels(pack, session);
  await warmUp(models);
  opened = { pack, models, dataDir, session, control: new LaneControl(control) };
  return { packId: pack.id, recogniser: recogniserOf(pack) };
}

serveWork(compute);
