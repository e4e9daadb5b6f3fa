export * from './backend.js';
export * from './lines.js';
export * from './migrate.js';
export * from './retry.js';
export * from './stage-queue.js';
