export * from './consent/evaluate.js';
export * from './plan/shards.js';
export * from './abilities/ability.js';
export type * from './abilities/actor.js';
export * from './abilities/conditions.js';
export type { Rule } from './abilities/grant.js';
export * from './abilities/vocabulary.js';
