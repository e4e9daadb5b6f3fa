import { describe, expect, it } from 'vitest';
import { isOutOfGpuMemory, networkFailure } from './gpu-memory.js';

const SAID = [
  'Non-zero status code returned while running Conv node. Status Message: bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 1073741824',
  'bfc_arena.cc:331 Available memory of 0 is smaller than requested bytes of 16777216',
  'CUDA failure 2: out of memory ; GPU=0 ; hostname=render1 ; expr=cudaMalloc((void**)&p, size);',
  'CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0',
  'TensorRT EP failed to create engine: [defaultAllocator.cpp] Cuda Runtime (out of memory)',
  'WebGPU: Out of memory',
  'vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY',
];

describe('a card without room', () => {
  it.each(SAID)('is known by what the runtime says: %s', (message) => {
    expect(isOutOfGpuMemory('cuda', new Error(message))).toBe(true);
    expect(isOutOfGpuMemory('cpu', new Error(message))).toBe(false);
  });

  it.each(['CUDA failure 700: an illegal memory access was encountered', 'Invalid rank for input', 'CUDA failure 20'])(
    'is not every failure: %s',
    (message) => {
      expect(isOutOfGpuMemory('cuda', new Error(message))).toBe(false);
    },
  );

  it('has a code of its own', () => {
    const otherwise = { code: 'PROVIDER_UNAVAILABLE', message: 'it could not be loaded' } as const;
    const cause = new Error(SAID[0]);
    expect(networkFailure('cuda', 'swap.onnx', cause, otherwise)).toMatchObject({ code: 'OUT_OF_GPU_MEMORY', cause });
    expect(networkFailure('cuda', 'swap.onnx', new Error('no device'), otherwise)).toMatchObject(otherwise);
  });
});
