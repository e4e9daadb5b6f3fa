export * from './consent/evaluate.js';
export * from './plan/shards.js';
