import { STAGE_NAMES, type StageData, type StageName, type UnderstudyError } from '@understudy/contracts';

/**
 * The work of one stage. It may run twice, be killed anywhere and come late: it looks at the state of things first,
 * changes it in one transaction, and does nothing where that is done already.
 */
export interface StageHandler<Stage extends StageName = StageName> {
  readonly stage: Stage;
  run(data: StageData<Stage>): Promise<void>;
  /** Lets people see why the stage waits for its next try. */
  waits?(data: StageData<Stage>, error: UnderstudyError): Promise<void>;
  /** Records that the stage failed for good. */
  abandon(data: StageData<Stage>, error: UnderstudyError): Promise<void>;
}

/** The one handler of each stage. */
export type StageHandlers = { readonly [Stage in StageName]: StageHandler<Stage> };

/** @throws Error at boot when a stage has no handler, or two. */
export function asStageHandlers(handlers: readonly StageHandler[]): StageHandlers {
  const byStage = new Map<StageName, StageHandler>();
  for (const handler of handlers) {
    if (byStage.has(handler.stage)) throw new Error(`Stage ${handler.stage} has two handlers.`);
    byStage.set(handler.stage, handler);
  }
  const missing = STAGE_NAMES.filter((stage) => !byStage.has(stage));
  if (missing.length > 0) throw new Error(`No handler for ${missing.join(', ')}.`);
  return Object.fromEntries(byStage) as unknown as StageHandlers;
}
