import { Inject, Injectable } from '@nestjs/common';
import type { ShotOutlook } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import {
  etaSeconds,
  misfits,
  type ProjectShare,
  type Requirements,
  sayWait,
  type WaitLane,
  whyWaiting,
  type WaitReason,
  type WaitingQueue,
} from '@understudy/policy';
import { notFound } from '../access/require-on.js';
import { AnchorHold } from '../audit/anchor-hold.js';
import { DATABASE } from '../platform/tokens.js';
import { ClaimRepository } from '../shards/claim.repository.js';
import { abilityOf } from '../shards/lane.js';
import { OutlookRepository, type StandingVersion } from './outlook.repository.js';
import type { ShotHead } from './shot-row.js';

type Asked = WaitingQueue & { needs: Requirements };

/** "Why is my shot waiting, and how long?": by the same rules that lanes are given work by. */
@Injectable()
export class Outlooks {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly repository: OutlookRepository,
    private readonly claims: ClaimRepository,
    private readonly hold: AnchorHold,
  ) {}

  async of(head: ShotHead): Promise<ShotOutlook> {
    const version = await this.repository.standing(head.id);
    if (version === null) throw notFound('shot');
    const reason = await this.#reason(head, version);
    return {
      waiting: reason === null ? null : shown(reason, version),
      priority: version.priority,
      pausedAt: version.pausedAt?.toISOString() ?? null,
      shards: { waiting: version.waiting, running: version.running, setAside: version.setAside },
      etaSeconds: isWorkedOn(version) ? etaSeconds({ ...version, shards: version.waiting + version.running }) : null,
      laneSeconds: await this.repository.laneSecondsOfShot(head.id),
    };
  }

  async #lanes({ id, state }: StandingVersion): Promise<WaitLane[]> {
    const standingBack = await this.repository.standingBack(id, state === 'rendering' ? 'render' : 'analyse');
    return (await this.repository.lanes()).map((lane) => {
      const until = standingBack.get(lane.id);
      const back = until === undefined ? {} : { standsBackUntilMs: until.getTime() };
      return { ...abilityOf(lane), busy: lane.busy, isOff: lane.isOff, offFor: lane.offFor, ...back };
    });
  }

  async #reason(head: ShotHead, version: StandingVersion): Promise<WaitReason | null> {
    if (!isWorkedOn(version) || version.waiting === 0) return null;
    const nowMs = version.now.getTime();
    const queue = queueOf(version, head.projectId);
    const lanes = await this.#lanes(version);
    const able = lanes.filter(
      (lane) => lane.isOff !== true && lane.standsBackUntilMs === undefined && misfits(lane, queue.needs).length === 0,
    );
    const next = able.find(({ busy }) => !busy) ?? able[0];
    const { queues, projects } =
      next === undefined
        ? { queues: [], projects: new Map<string, ProjectShare>() }
        : await this.claims.queues(this.database, { can: JSON.stringify(next) }, []);
    const share = await this.repository.projectShare(head.projectId);
    const others = queues
      .filter(({ id }) => id !== queue.id)
      .map((one): Asked => ({ ...one, needs: { kind: queue.needs.kind } }));
    return whyWaiting<Asked>({
      nowMs,
      queue,
      queues: [queue, ...others],
      projects: new Map([
        ...projects,
        ...(share === null ? [] : [[head.projectId, { projectId: head.projectId, ...share }] as const]),
      ]),
      lanes: next === undefined ? lanes : [next, ...lanes.filter((lane) => lane !== next)],
      hold: {
        leasesHeld: this.hold.reason,
        paused: version.pausedAt !== null,
        waitsFor: version.waitsFor,
        failedBefore: version.failedBefore,
        retryAtMs: version.notBefore?.getTime() ?? null,
        failedWith: version.failedWith,
      },
    });
  }
}

function isWorkedOn({ state }: StandingVersion): boolean {
  return state === 'analysing' || state === 'rendering';
}

function queueOf(version: StandingVersion, projectId: string): Asked {
  const { id, state, priority, needs, parityClass, waitingSince, now } = version;
  const { pool, analysisModels, ...render } = needs;
  const pooled = pool === undefined ? {} : { pool };
  return {
    id,
    projectId,
    priority,
    kindRank: state === 'rendering' ? 1 : 0,
    waitingSinceMs: (waitingSince ?? now).getTime(),
    needs:
      state === 'rendering'
        ? { kind: 'render', projectId, parityClass, ...pooled, ...given(render) }
        : { kind: 'analyse', projectId, ...pooled, ...given({ models: analysisModels }) },
  };
}

/** Without what is not asked for. */
function given(needs: Omit<StandingVersion['needs'], 'pool'>): Partial<Requirements> {
  return Object.fromEntries(Object.entries(needs).filter(([, value]) => value !== undefined));
}

/** What goes first may be another project's: it is not named. */
function shown(reason: WaitReason, version: StandingVersion): NonNullable<ShotOutlook['waiting']> {
  const { code, ...details } = reason;
  const { ahead: _, ...told } = details as Record<string, unknown>;
  return { code, text: sayWait(reason), details: { ...told, shards: version.waiting } };
}
