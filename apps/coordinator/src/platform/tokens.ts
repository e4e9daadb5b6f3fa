/** What is given to whoever asks for it by these tokens: the things that have no class of ours to ask for. */
export const CONFIG = Symbol('CONFIG');
export const DATABASE = Symbol('DATABASE');
export const LOGGER = Symbol('LOGGER');
export const OBJECT_STORE = Symbol('OBJECT_STORE');
export const CLOCK = Symbol('CLOCK');

/** The present moment by the database's clock, as every replica takes it. What SQL compares, it compares there. */
export interface Clock {
  now(): Date;
}
