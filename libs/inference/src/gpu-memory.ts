import { type ErrorCode, UnderstudyError } from '@understudy/contracts';

/**
 * What ONNX Runtime and the libraries beneath it say when a card's memory has no room: its own arena (`BFCArena`), CUDA, cuBLAS,
 * cuDNN, TensorRT, and Dawn for WebGPU.
 */
const NO_ROOM = new RegExp(
  [
    'failed to allocate memory for requested buffer',
    'available memory of \\d+ is smaller than requested bytes',
    'cuda(?: runtime)? (?:failure|error) 2\\b',
    'cuda_error_out_of_memory|cudaerrormemoryallocation',
    'cublas_status_alloc_failed|cudnn_status_alloc_failed|cudnn_status_internal_error_device_allocation_failed',
    'out of (?:device |gpu )?memory',
    'vk_error_out_of_device_memory',
  ].join('|'),
  'i',
);

/** On a card: whether this is about its memory. On a processor the same words are about the host's. */
export function isOutOfGpuMemory(provider: string, thrown: unknown): boolean {
  return provider !== 'cpu' && thrown instanceof Error && NO_ROOM.test(thrown.message);
}

/** What a network failed with, by a code of its own where the card's memory was too small. */
export function networkFailure(
  provider: string,
  file: string,
  cause: unknown,
  otherwise: { readonly code: ErrorCode; readonly message: string },
): UnderstudyError {
  if (!isOutOfGpuMemory(provider, cause)) return new UnderstudyError(otherwise.code, otherwise.message, { cause });
  const message = `${file} does not fit into what is free of the GPU's memory: give the lane a card of its own, or a larger one.`;
  return new UnderstudyError('OUT_OF_GPU_MEMORY', message, { cause });
}
