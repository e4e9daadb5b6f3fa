import { invent } from './archetypes.js';

/** The plate's performer whose face is replaced. */
export const FIRST = invent('youngWoman', 15, 'first performer');
/** The plate's other performer, who gave no consent. */
export const SECOND = invent('olderMan', 22, 'second performer');
/** The identity: not in the plate. */
export const THIRD = invent('youngMan', 37, 'identity');
