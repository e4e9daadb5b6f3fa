export * from './frame.js';
export * from './affine.js';
export * from './colour.js';
export { bilinear, type Raster, resample } from './resample.js';
export * from './crop.js';
export { reusable } from './reusable.js';
export * from './paste.js';
export * from './add.js';
export { type KernelExports, KernelMemory, instantiateKernel } from './kernels/kernel-memory.js';
