import { Injectable } from '@nestjs/common';
import { consentErrorCode, type ConsentVerdict } from '@understudy/policy';
import { type ConsentPoint, type ShotState, UnderstudyError } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { TaskWriter } from '../shards/task-writer.js';
import { AssemblyRepository } from './assembly.repository.js';
import { StageTransitions, WORKING_STATES } from './stage-transitions.js';

/** Ends shot versions that can't go on: the reason is kept in one line, and lanes at work on them are told to stop. */
@Injectable()
export class ShotFailures {
  constructor(
    private readonly transitions: StageTransitions,
    private readonly tasks: TaskWriter,
    private readonly assembly: AssemblyRepository,
  ) {}

  /** The stage at work on it tries again by itself; until then the version says why nothing moves. */
  async waits(sql: Sql, shotVersionId: string, error: UnderstudyError): Promise<void> {
    const rows = await sql.query<{ shotId: string }>(
      `UPDATE shot_versions SET error_code = $2, error_message = $3, error_details = '{"triedAgain":true}'
        WHERE id = $1 AND state = ANY ($4::shot_state[]) RETURNING shot_id AS "shotId"`,
      [shotVersionId, error.code, oneLine(error.message), WORKING_STATES],
    );
    for (const { shotId } of rows) await this.transitions.announce(sql, shotId);
  }

  async fail(sql: Sql, shotVersionId: string, error: UnderstudyError, actor: string): Promise<boolean> {
    return this.#end(sql, shotVersionId, error, { to: 'failed', from: WORKING_STATES, actor });
  }

  /** A withdrawn consent ends the shot as revoked, whatever it stood at; every other refusal fails it. */
  async refuse(sql: Sql, shotVersionId: string, error: UnderstudyError, actor: string): Promise<boolean> {
    const to = isWithdrawal(error) ? 'revoked' : 'failed';
    return this.#end(sql, shotVersionId, error, { to, from: WORKING_STATES, actor });
  }

  async #end(
    sql: Sql,
    shotVersionId: string,
    error: UnderstudyError,
    end: { to: 'failed' | 'revoked'; from: readonly ShotState[]; actor: string },
  ): Promise<boolean> {
    const message = oneLine(error.message);
    const { path: _, ...details } = error.details ?? {};
    const moved = await this.transitions.move(sql, {
      shotVersionId,
      ...end,
      patch: { errorCode: error.code, errorMessage: message, errorDetails: details },
      data: { code: error.code, message },
    });
    if (moved === null) return false;
    await this.tasks.cancelOf(sql, shotVersionId, end.to === 'revoked' ? 'revoked' : 'stop', end.actor);
    await this.assembly.lockDelivery(sql, shotVersionId);
    return true;
  }
}

/** All reasons travel in the details; the first names the error. */
export function consentRefusal(verdict: ConsentVerdict, point: ConsentPoint): UnderstudyError {
  const first = verdict.refusals[0]?.reasons[0] ?? 'CONSENT_REQUIRED';
  const who = verdict.refusals[0];
  const side = who === undefined ? 'a cast member' : `cast member ${who.cast}, ${who.role} side`;
  if (who !== undefined && who.reasons.includes('RECORD_ALTERED')) {
    return new UnderstudyError(
      'RECORD_ALTERED',
      `The record of ${side} (consent ${who.consentId}) was changed past the service; run audit verify, which names the row.`,
      { details: { point, reasons: verdict.refusals } },
    );
  }
  return new UnderstudyError(
    consentErrorCode(first),
    `Consent does not cover this at ${point}: ${first} for ${side}. See the reasons in the details.`,
    { details: { point, reasons: verdict.refusals } },
  );
}

function isWithdrawal(error: UnderstudyError): boolean {
  return error.code === 'CONSENT_REVOKED';
}

export function oneLine(message: string): string {
  return (message.split('\n')[0] ?? '').slice(0, 500);
}
