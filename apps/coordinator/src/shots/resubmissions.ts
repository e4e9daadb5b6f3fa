import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import {
  type LaneNeeds,
  packsOf,
  type Recipe,
  type RouteInput,
  type RouteOutput,
  type ShotState,
  UnderstudyError,
} from '@understudy/contracts';
import { type Database, personal, type Sql } from '@understudy/db';
import { partialPlan } from '@understudy/policy';
import type { Actor } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { ConsentGate } from '../consents-gate/consent-gate.js';
import { RecipePacks } from '../models/recipe-packs.js';
import { requireProjectKey } from '../projects/require-project-key.js';
import { DATABASE } from '../platform/tokens.js';
import { TaskWriter } from '../shards/task-writer.js';
import { type AcceptedSegment, AssemblyRepository } from '../stages/assembly.repository.js';
import { consentRefusal } from '../stages/shot-failures.js';
import { StageTransitions } from '../stages/stage-transitions.js';
import { type BaseShard, type BaseVersion, ResubmissionRepository } from './resubmission.repository.js';
import { requireFrames, requireMembers } from './submission-rules.js';
import type { ShotHead } from './shot-row.js';
import { castRecord } from './submissions.js';

type Asked = RouteInput<'resubmitShot'>['body'];
type Resubmitted = Omit<RouteOutput<'resubmitShot'>, 'shot'>;

/** States in which nothing more happens to a version by itself, and nothing of it was withdrawn. */
const OVER: readonly ShotState[] = ['ready', 'released', 'failed', 'cancelled'];

/** Versions that render some frames of a shot anew and take the segments of the rest from the version before. */
@Injectable()
export class Resubmissions {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly repository: ResubmissionRepository,
    private readonly gate: ConsentGate,
    private readonly packs: RecipePacks,
    private readonly tasks: TaskWriter,
    private readonly transitions: StageTransitions,
    private readonly assembly: AssemblyRepository,
    private readonly audit: AuditWriter,
  ) {}

  /**
   * The new version stands on the very consents of the one before, which are evaluated again for all of its frames: what is
   * taken over was made under them.
   *
   * @throws UnderstudyError CONFLICT while the version before is at work, was revoked, or lacks a segment outside the
   * frames; INVALID_REQUEST for frames that it does not have, or other processors; the consent's error; what `RecipePacks` throws
   */
  async resubmit(actor: Actor, head: ShotHead, asked: Asked): Promise<Resubmitted> {
    return await this.database.hotTransaction(async (sql) => await this.resubmitIn(sql, actor, head, asked));
  }

  /** The same in the caller's transaction. */
  async resubmitIn(sql: Sql, actor: Actor, head: ShotHead, asked: Asked): Promise<Resubmitted> {
    await requireProjectKey(sql, head.projectId);
    const base = await this.repository.base(sql, head.id);
    requireOver(base);
    // Also that the cast which is taken over is the one that was recorded.
    await this.#requireConsent(sql, base.id);
    const plan = requirePlan(base, await this.repository.shards(sql, base.id), asked);
    const segments = requireSegments(plan.reused, await this.assembly.segments(sql, base.id));
    const recipe = asked.recipe ?? base.settings.recipe;
    requireSameProcessors(recipe, base.settings.recipe);
    requireMembers(recipe, base.cast.length);
    requireFrames(recipe, base.frames);
    const pinned = await this.packs.pin(sql, head.projectId, recipe, base.cast);
    const priority = asked.priority ?? base.priority;
    const { id: shotVersionId, version } = await this.repository.addVersion(sql, {
      base,
      settings: { ...base.settings, recipe: pinned.recipe, partial: { baseVersionId: base.id, ...plan.range } },
      needs: withoutPacksOf(base),
      waivers: [...new Set([...base.waivers, ...pinned.waivers])],
      priority,
      createdBy: actor.id,
      parityClass: plan.reused.length === 0 ? null : base.parityClass,
    });
    await this.#record(sql, actor, head, { shotVersionId, version, base, asked });
    await this.#requireConsent(sql, shotVersionId);
    await this.packs.require(sql, shotVersionId, pinned);
    await this.#take(sql, actor, head, shotVersionId, priority, segments);
    await this.transitions.move(sql, {
      shotVersionId,
      from: ['planning'],
      to: 'rendering',
      actor: actor.label,
      data: { shards: plan.rendered.length, reused: plan.reused.length, ...plan.range, packs: pinned.packs },
    });
    const { plateAssetId: assetId } = base;
    const work = plan.rendered.map(({ startFrame, endFrame }) => ({ id: randomUUID(), startFrame, endFrame }));
    await this.tasks.create(
      sql,
      work.map((range) => ({ ...range, kind: 'render' as const, shotVersionId, assetId, priority })),
    );
    return { rendered: plan.range, shards: { rendered: plan.rendered.length, reused: plan.reused.length } };
  }

  async #requireConsent(sql: Sql, shotVersionId: string): Promise<void> {
    const verdict = await this.gate.check(sql, shotVersionId, 'submit', { lock: true });
    if (!verdict.allowed) throw consentRefusal(verdict, 'submit');
  }

  async #record(
    sql: Sql,
    actor: Actor,
    { id: shotId, projectId }: ShotHead,
    made: { shotVersionId: string; version: number; base: BaseVersion; asked: Asked },
  ): Promise<void> {
    const { shotVersionId, version, base, asked } = made;
    await this.audit.append(sql, {
      actor: actor.label,
      action: 'shot.submitted',
      subjectType: 'ShotVersion',
      subjectId: shotVersionId,
      projectId,
      shotId,
      data: {
        version,
        plateAssetId: base.plateAssetId,
        matteAssetId: base.settings.matteAssetId ?? null,
        baseVersionId: base.id,
        frames: asked.frames,
        reason: personal(asked.reason),
        processors: (asked.recipe ?? base.settings.recipe).processors.map(({ type }) => type),
        cast: base.cast.map((member) => ({ ...castRecord(member), tracks: member.tracks })),
      },
    });
  }

  async #take(
    sql: Sql,
    actor: Actor,
    { id: shotId, projectId }: ShotHead,
    shotVersionId: string,
    priority: number,
    segments: readonly AcceptedSegment[],
  ): Promise<void> {
    const taken = segments.map(({ taskId: baseTaskId, epoch, sha256, frames }) => {
      return { taskId: randomUUID(), baseTaskId, epoch, sha256, frames };
    });
    await this.repository.take(sql, shotVersionId, priority, taken);
    await this.audit.appendAll(
      sql,
      taken.map(({ taskId, baseTaskId, ...segment }) => ({
        actor: actor.label,
        action: 'segment.reused',
        subjectType: 'Task',
        subjectId: taskId,
        projectId,
        shotId,
        data: { from: baseTaskId, ...segment },
      })),
    );
  }
}

function requireOver(base: BaseVersion | null): asserts base is BaseVersion {
  if (base === null) throw new UnderstudyError('NOT_FOUND', 'There is no such shot.');
  if (OVER.includes(base.state)) return;
  const why =
    base.state === 'revoked'
      ? 'A consent of the shot was withdrawn; submit it anew under other consents.'
      : `The shot is ${base.state}; frames are rendered anew once it is over, or cancelled.`;
  throw new UnderstudyError('CONFLICT', why, { details: { state: base.state } });
}

function requirePlan(base: BaseVersion, shards: readonly BaseShard[], { frames }: Asked) {
  if (base.frames === null || shards.length === 0 || base.analysisId === null) {
    throw new UnderstudyError('CONFLICT', 'The shot was never planned; there is nothing to take over. Submit it anew.');
  }
  if (frames.endFrame > base.frames) {
    throw new UnderstudyError('INVALID_REQUEST', `The shot has the frames 0 to ${base.frames - 1}.`, {
      details: { frames: base.frames },
    });
  }
  return partialPlan(shards, frames);
}

/** The segments of the shards that are taken over. */
function requireSegments(shards: readonly BaseShard[], accepted: readonly AcceptedSegment[]): AcceptedSegment[] {
  const byTask = new Map(accepted.map((segment) => [segment.taskId, segment]));
  const lacking = shards.find(({ taskId }) => !byTask.has(taskId));
  if (lacking === undefined) return shards.map(({ taskId }) => byTask.get(taskId) as AcceptedSegment);
  const { startFrame, endFrame } = lacking;
  throw new UnderstudyError(
    'CONFLICT',
    `Frames ${startFrame} to ${endFrame - 1} were never finished; render them anew too.`,
    { details: { startFrame, endFrame } },
  );
}

/** What is taken over was made by the same steps; consents name these. */
function requireSameProcessors(recipe: Recipe, before: Recipe): void {
  const types = ({ processors }: Recipe): string => processors.map(({ type }) => type).join(' ');
  if (types(recipe) === types(before)) return;
  throw new UnderstudyError(
    'INVALID_REQUEST',
    `Frames are rendered anew by the same processors (${types(before)}) with other settings; submit the shot for others.`,
  );
}

/** The lanes that it asked for; the packs of its recipe are asked for anew. */
function withoutPacksOf({ needs, settings }: BaseVersion): LaneNeeds {
  const { models = [], ...rest } = needs;
  const own = new Set(packsOf(settings.recipe).map(({ reference }) => reference.sha256));
  const others = models.filter((model) => !own.has(model));
  return others.length === 0 ? rest : { ...rest, models: others };
}
