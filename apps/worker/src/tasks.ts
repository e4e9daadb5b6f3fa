import { createHash } from 'node:crypto';

import type { PackSelfTest } from '@understudy/contracts';
import { openFaceModels } from '@understudy/face';
import { type ModelPack, ensureDefaultPack, parityClass, selfTestPacks } from '@understudy/inference';

import { analyseTask } from './analyse-range.js';
import { enrolTask } from './enrol-image.js';
import type { AgentData } from './lane/agent-messages.js';
import type { LaneControl } from './lane/control.js';
import type { LaneTask, TaskExecutor, TaskResult } from './lane/task.js';
import type { LaneTools } from './lane/tools.js';
import type { LaneConfig } from './messages.js';
import { LastPreparedShot } from './render/prepared-shot.js';
import { renderTask } from './render/render-task.js';

export interface TaskRunner extends TaskExecutor {
  readonly capabilities: AgentData['capabilities'];
}

/** Opens the lane's models. @throws UnderstudyError MODEL_UNAVAILABLE, MODEL_HASH_MISMATCH, PROVIDER_UNAVAILABLE */
export async function createTaskRunner(config: LaneConfig, control: LaneControl): Promise<TaskRunner> {
  const pack = await ensureDefaultPack(config.dataDir);
  const { provider, precision, threads, engines } = config;
  const session = { provider, precision, threads, ...(engines === undefined ? {} : { engines }) };
  const models = await openFaceModels(pack, session);
  const selfTests = await selfTestPacks(config.dataDir, session);
  const tools: LaneTools = { pack, models, dataDir: config.dataDir, session, control };
  const shots = new LastPreparedShot();
  return {
    capabilities: { ...capabilitiesOf(pack, session, selfTests), ...cardOf(config) },
    run: (task) => runTask(tools, shots, task),
  };
}

async function runTask(tools: LaneTools, shots: LastPreparedShot, task: LaneTask): Promise<TaskResult> {
  const { lease } = task;
  if (lease.kind === 'render') return renderTask(tools, shots, task, lease);
  if (lease.kind === 'analyse') return analyseTask(tools, task, lease);
  return enrolTask(tools, task, lease);
}

type Session = Pick<LaneConfig, 'provider' | 'precision' | 'threads' | 'engines'>;
const LONGEST_NAME = 80;

type Capabilities = AgentData['capabilities'];

function capabilitiesOf(
  pack: ModelPack,
  session: Session,
  selfTests: PackSelfTest[],
): Omit<Capabilities, 'vramMiB' | 'computeCapability'> {
  const parity = parityClass(session);
  return {
    parityClass: {
      provider: parity.provider,
      precision: parity.precision,
      // Threads split sums, so they are part of what the runtime computes.
      runtime: `${parity.runtime}/threads-${parity.threads}`,
      instructionSet: shortened(parity.isa),
      batch: parity.batch,
    },
    kinds: ['enrol', 'analyse', 'render'],
    threads: session.threads,
    packs: [pack.id, ...selfTests.flatMap(({ passed, sha256 }) => (passed && sha256 !== null ? [sha256] : []))],
    selfTests,
  };
}

/** Where work may be placed by the card; nothing of a processor. */
function cardOf({ card }: LaneConfig): Pick<Capabilities, 'vramMiB' | 'computeCapability'> {
  if (card === undefined) return { vramMiB: 0 };
  const [major = 0, minor = 0] = card.computeCapability.split('.').map(Number);
  return { vramMiB: card.vramMiB, computeCapability: 10 * major + minor };
}

/** A name of any length as one of bounded length, still telling different ones apart. */
function shortened(name: string): string {
  if (name.length <= LONGEST_NAME) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 16);
  return `${name.slice(0, LONGEST_NAME - digest.length - 1)}#${digest}`;
}
