export * from './manifest.js';
export * from './default-pack.js';
export * from './model-pack.js';
export * from './session.js';
