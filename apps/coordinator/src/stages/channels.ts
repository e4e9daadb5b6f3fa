/** Told at commit when an outbox row waits for the relay. */
export const OUTBOX_CHANNEL = 'understudy_outbox';
/** Told at commit, with the shot's id, when a version of it changed. */
export const SHOT_CHANNEL = 'understudy_shot';
