import { createHash } from 'node:crypto';

import type { PackSelfTest } from '@understudy/contracts';
import { crewOf, parityClass } from '@understudy/inference';

import { analyseTask } from './analyse-range.js';
import { ComputeCrew } from './compute/crew.js';
import { inLessMemory } from './compute/less-memory.js';
import type { AgentData } from './lane/agent-messages.js';
import type { LaneControl } from './lane/control.js';
import type { LaneTask, TaskExecutor, TaskResult } from './lane/task.js';
import type { LaneConfig } from './messages.js';
import { KEPT_MS, KeptIdentities } from './render/kept-identities.js';
import { renderTask } from './render/render-task.js';

export interface TaskRunner extends TaskExecutor {
  readonly capabilities: AgentData['capabilities'];
}

/** Opens the lane's models. @throws UnderstudyError MODEL_UNAVAILABLE, MODEL_HASH_MISMATCH, PROVIDER_UNAVAILABLE */
export async function createTaskRunner(config: LaneConfig, control: LaneControl): Promise<TaskRunner> {
  const crew = await ComputeCrew.open(config, control);
  const kept = new KeptIdentities();
  let idle: NodeJS.Timeout | undefined;
  let forgotten = Promise.resolve();
  return {
    capabilities: {
      ...capabilitiesOf(config, crew.packId, await crew.selfTest()),
      recogniser: crew.recogniser,
      ...cardOf(config),
    },
    async run(task) {
      clearTimeout(idle);
      await forgotten;
      try {
        return await inLessMemory(crew, control, () => runTask(crew, kept, control, task));
      } finally {
        // A lane without work holds nobody's face.
        idle = setTimeout(() => {
          kept.forget();
          forgotten = crew.forget();
        }, KEPT_MS).unref();
      }
    },
  };
}

async function runTask(
  crew: ComputeCrew,
  kept: KeptIdentities,
  control: LaneControl,
  task: LaneTask,
): Promise<TaskResult> {
  const { lease } = task;
  if (lease.kind === 'render') return renderTask(crew, kept, control, task, lease);
  if (lease.kind === 'analyse') return analyseTask(crew, control, task, lease);
  return crew.enrol(task, lease);
}

const LONGEST_NAME = 80;

type Capabilities = AgentData['capabilities'];

function capabilitiesOf(
  config: LaneConfig,
  packId: string,
  selfTests: PackSelfTest[],
): Omit<Capabilities, 'vramMiB' | 'computeCapability'> {
  const { provider, precision, engines, builtInTests } = config;
  const { threads } = crewOf(config);
  const parity = parityClass({ provider, precision, threads, ...(engines === undefined ? {} : { engines }) });
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
    threads: config.threads,
    packs: [packId, ...selfTests.flatMap(({ passed, sha256 }) => (passed && sha256 !== null ? [sha256] : []))],
    selfTests,
    ...(builtInTests === undefined ? {} : { builtInTests: [...builtInTests] }),
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
