export * from './track.js';
export * from './link.js';
export * from './match.js';
export * from './behind.js';
export * from './extend.js';
export * from '../identity/cosine.js';
export * from '../identity/embedding-text.js';
