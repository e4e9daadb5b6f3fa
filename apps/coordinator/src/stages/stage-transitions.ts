import { Injectable } from '@nestjs/common';
import { SETTLED_SHOT_STATES, type ShotState, type StageName } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { AuditWriter } from '../audit/audit-writer.js';
import { TASKS_CHANNEL } from '../shards/wake-ups.js';
import { SHOT_CHANNEL } from './channels.js';
import { WebhookEvents } from '../webhooks/webhook-events.js';
import { TraceIntents } from '../traces/trace-intents.js';
import { Outbox } from './outbox.js';

/** The stage that works on a version in this state; the others wait for lanes or for a person. */
export const STAGE_OF_STATE: Readonly<
  Partial<Record<ShotState, StageName & ('ingest' | 'link' | 'plan' | 'assemble' | 'verify')>>
> = {
  ingesting: 'ingest',
  linking: 'link',
  planning: 'plan',
  assembling: 'assemble',
  verifying: 'verify',
};

/** States in which something is still going to happen by itself. */
export const WORKING_STATES: readonly ShotState[] = [
  'ingesting',
  'analysing',
  'linking',
  'planning',
  'rendering',
  'assembling',
  'verifying',
];

/** Columns of `shot_versions` that may change together with the state. */
export interface ShotVersionPatch {
  frames?: number;
  analysisId?: string;
  heldFrom?: ShotState | null;
  errorCode?: string | null;
  errorMessage?: string | null;
  errorDetails?: Record<string, unknown> | null;
  cancelReason?: string;
  settings?: Record<string, unknown>;
  waivers?: readonly string[];
}

const COLUMNS: Readonly<Record<keyof ShotVersionPatch, { name: string; cast: string }>> = {
  frames: { name: 'frames', cast: 'int' },
  analysisId: { name: 'analysis_id', cast: 'uuid' },
  heldFrom: { name: 'held_from', cast: 'shot_state' },
  errorCode: { name: 'error_code', cast: 'text' },
  errorMessage: { name: 'error_message', cast: 'text' },
  errorDetails: { name: 'error_details', cast: 'jsonb' },
  cancelReason: { name: 'cancel_reason', cast: 'text' },
  settings: { name: 'settings', cast: 'jsonb' },
  waivers: { name: 'waivers', cast: 'text[]' },
};

export interface Transition {
  readonly shotVersionId: string;
  readonly from: readonly ShotState[];
  readonly to: ShotState;
  /** Who made it happen, as the audit log names them. */
  readonly actor: string;
  readonly patch?: ShotVersionPatch;
  /** What the audit event says beyond the states. */
  readonly data?: Record<string, unknown>;
}

export interface MovedShotVersion {
  readonly shotId: string;
  readonly projectId: string;
  readonly from: ShotState;
}

/** The one place that changes a shot version's state: with its audit event and what it enqueues, in the caller's transaction. */
@Injectable()
export class StageTransitions {
  constructor(
    private readonly audit: AuditWriter,
    private readonly outbox: Outbox,
    private readonly webhooks: WebhookEvents,
    private readonly traces: TraceIntents,
  ) {}

  /** @returns null, and nothing is changed, when the version is in none of the states `from`. */
  async move(sql: Sql, transition: Transition): Promise<MovedShotVersion | null> {
    const moved = await this.#update(sql, transition);
    if (moved === null) return null;
    const { shotVersionId, to, actor, data } = transition;
    await this.audit.append(sql, {
      actor,
      action: `shot.${to}`,
      subjectType: 'ShotVersion',
      subjectId: shotVersionId,
      projectId: moved.projectId,
      shotId: moved.shotId,
      data: { from: moved.from, ...data },
    });
    const stage = STAGE_OF_STATE[to];
    if (stage !== undefined) await this.outbox.enqueue(sql, stage, shotVersionId, { shotVersionId });
    await this.webhooks.tell(sql, { ...moved, shotVersionId, event: `shot.${to}` });
    await this.traces.tell(sql, shotVersionId, to);
    if (to === 'ready') await this.#letFollow(sql, moved.shotId);
    await this.announce(sql, moved.shotId);
    return moved;
  }

  /** Shots that waited for this one go on, if they wait for no other. */
  async #letFollow(sql: Sql, shotId: string): Promise<void> {
    const following = await sql.query(
      `UPDATE shot_versions SET waits_for = array_remove(waits_for, $1)
        WHERE waits_for <> '{}' AND waits_for @> ARRAY[$1::uuid] RETURNING id`,
      [shotId],
    );
    if (following.length > 0) await sql.query(`SELECT pg_notify($1, '')::text`, [TASKS_CHANNEL]);
  }

  /** Tells whoever watches the shot to look again. */
  async announce(sql: Sql, shotId: string): Promise<void> {
    await sql.query(`SELECT pg_notify($1, $2)::text`, [SHOT_CHANNEL, shotId]);
  }

  async #update(sql: Sql, { shotVersionId, from, to, patch = {} }: Transition): Promise<MovedShotVersion | null> {
    const [before] = await sql.query<{ state: ShotState }>(
      'SELECT state::text AS state FROM shot_versions WHERE id = $1 FOR NO KEY UPDATE',
      [shotVersionId],
    );
    if (before === undefined || !from.includes(before.state)) return null;
    const params: unknown[] = [shotVersionId, before.state, to, SETTLED_SHOT_STATES.includes(to)];
    // Why a stage had to try again is over with the stage.
    const goesOn = patch.errorCode === undefined && (WORKING_STATES.includes(to) || to === 'ready');
    const forgotten = goesOn ? ', error_code = NULL, error_message = NULL, error_details = NULL' : '';
    const sets = (Object.keys(patch) as (keyof ShotVersionPatch)[]).map((key) => {
      const { name, cast } = COLUMNS[key];
      const value = patch[key] ?? null;
      params.push(cast === 'jsonb' && value !== null ? JSON.stringify(value) : value);
      return `, ${name} = $${params.length}::${cast}`;
    });
    const [row] = await sql.query<{ shotId: string; projectId: string }>(
      `UPDATE shot_versions AS v
          SET state = $3::shot_state, state_changed_at = now(),
              settled_at = CASE WHEN $4::boolean THEN now() END${sets.join('')}${forgotten}
         FROM shots AS s
        WHERE v.id = $1 AND v.state = $2::shot_state AND s.id = v.shot_id
        RETURNING v.shot_id AS "shotId", s.project_id AS "projectId"`,
      params,
    );
    return row === undefined ? null : { ...row, from: before.state };
  }
}
