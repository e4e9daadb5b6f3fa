export * from './cef.js';
export * from './checkpoint.js';
export * from './export-format.js';
export * from './joins.js';
export * from './merkle.js';
export * from './outside.js';
export * from './proof.js';
export * from './verify-export.js';
