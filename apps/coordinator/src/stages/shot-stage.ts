import type { StageData, UnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import type { ShotFailures } from './shot-failures.js';
import type { StageHandler } from './stage-handler.js';

type ShotStageName = 'ingest' | 'link' | 'plan' | 'assemble' | 'verify';

/** What the stages of a shot have in common: when one of them fails for good, so does its shot. */
export abstract class ShotStage<Stage extends ShotStageName> implements StageHandler<Stage> {
  abstract readonly stage: Stage;

  constructor(
    protected readonly database: Database,
    protected readonly failures: ShotFailures,
  ) {}

  abstract run(data: StageData<Stage>): Promise<void>;

  /** How the audit log names who did it. */
  protected get actor(): string {
    return `stage:${this.stage}`;
  }

  async waits({ shotVersionId }: StageData<Stage>, error: UnderstudyError): Promise<void> {
    await this.database.hotTransaction(async (sql) => await this.failures.waits(sql, shotVersionId, error));
  }

  async abandon(data: StageData<Stage>, error: UnderstudyError): Promise<void> {
    const { shotVersionId } = data;
    await this.database.hotTransaction(async (sql) => {
      await this.failures.refuse(sql, shotVersionId, error, this.actor);
    });
  }
}
