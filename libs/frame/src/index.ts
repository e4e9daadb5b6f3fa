export * from './frame.js';
export * from './affine.js';
export * from './colour.js';
export * from './resample.js';
export * from './crop.js';
export * from './paste.js';
export * from './add.js';
