/** Tokens of what the stages use and have no class for. */
export const STAGE_QUEUE = Symbol('STAGE_QUEUE');
export const STAGE_HANDLERS = Symbol('STAGE_HANDLERS');
