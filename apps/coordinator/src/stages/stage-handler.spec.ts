import { expect, it } from 'vitest';
import { STAGE_NAMES, type StageName } from '@understudy/contracts';
import { asStageHandlers, type StageHandler } from './stage-handler.js';

const handler = (stage: StageName) => ({ stage }) as StageHandler;

it('takes one handler for each stage', () => {
  const handlers = STAGE_NAMES.map(handler);
  expect(asStageHandlers(handlers).plan).toBe(handlers[STAGE_NAMES.indexOf('plan')]);
});

it('does not start with a stage that nobody handles, or two do', () => {
  const handlers = STAGE_NAMES.map(handler);
  expect(() => asStageHandlers(handlers.slice(1))).toThrow(STAGE_NAMES[0]);
  expect(() => asStageHandlers([...handlers, handler('plan')])).toThrow('plan');
});
