import { Inject, Injectable } from '@nestjs/common';
import { isStageName, STAGES, type StageData, type StageName } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import type { StageQueue } from '@understudy/queue';
import { DATABASE } from '../platform/tokens.js';
import { STAGE_QUEUE } from './stage-tokens.js';

const BATCH = 100;

interface Intent {
  id: string;
  stage: string;
  data: unknown;
}

/**
 * Turns outbox rows into jobs. A row is marked after its job is there, so a crash in between adds it again under the
 * same id, which changes nothing; for the same reason replicas need not agree on who relays what.
 */
@Injectable()
export class OutboxRelay {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(STAGE_QUEUE) private readonly queue: StageQueue,
  ) {}

  /** @returns how many intents were relayed. */
  async relay(): Promise<number> {
    let relayed = 0;
    for (;;) {
      const intents = await this.database.query<Intent>(
        'SELECT id, stage, data FROM outbox WHERE relayed_at IS NULL ORDER BY created_at, id LIMIT $1',
        [BATCH],
      );
      for (const intent of intents) await this.#add(intent);
      if (intents.length > 0) {
        await this.database.query(
          'UPDATE outbox SET relayed_at = now() WHERE id = ANY($1::uuid[]) AND relayed_at IS NULL',
          [intents.map(({ id }) => id)],
        );
      }
      relayed += intents.length;
      if (intents.length < BATCH) return relayed;
    }
  }

  async #add({ id, stage, data }: Intent): Promise<void> {
    // A stage that this release does not know was written by another one; whoever knows it relays it.
    if (!isStageName(stage)) return;
    await this.queue.add(stage, id, STAGES[stage].parse(data) as StageData<StageName>);
  }
}
