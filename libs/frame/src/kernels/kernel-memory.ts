/** What every compiled kernel exports besides its functions. */
export interface KernelExports {
  readonly memory: WasmMemory;
}

interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** The part of the global that is used here; the libraries of types name it for browsers only. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
};

/** Kernels keep their first page to themselves. */
const FIRST_FREE = 65_536;
const PAGE = 65_536;
/** Room between regions: kernels may read some samples beyond a region's end. */
const GUARD = 64;

/**
 * The memory of a compiled kernel, laid out anew for each job: regions are given out one after another.
 */
export class KernelMemory {
  #kept = FIRST_FREE;
  #end = FIRST_FREE;

  readonly #memory: WasmMemory;

  constructor(memory: WasmMemory) {
    this.#memory = memory;
  }

  /** Forgets all regions but those kept for good. */
  begin(): void {
    this.#end = this.#kept;
  }

  /** Like {@link take}, for good. Only straight after {@link begin}. */
  takeForGood(bytes: number): number {
    const at = this.take(bytes);
    this.#kept = this.#end;
    return at;
  }

  /** A region's place, in bytes; aligned to 16. Views of other regions are worth nothing afterwards. */
  take(bytes: number): number {
    const at = this.#end;
    this.#end = (at + bytes + GUARD) & ~15;
    const missing = this.#end + GUARD - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE));
    return at;
  }

  bytes(at: number, count: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, at, count);
  }

  words(at: number, count: number): Uint16Array {
    return new Uint16Array(this.#memory.buffer, at, count);
  }

  indices(at: number, count: number): Uint32Array {
    return new Uint32Array(this.#memory.buffer, at, count);
  }

  floats(at: number, count: number): Float32Array {
    return new Float32Array(this.#memory.buffer, at, count);
  }
}

/** A kernel of its own memory. Every Node that is supported has the SIMD that kernels use. */
export function instantiateKernel<E extends KernelExports>(base64: string): E {
  const module = new WebAssembly.Module(Buffer.from(base64, 'base64'));
  const abort = (): never => {
    throw new Error('a kernel gave up');
  };
  return new WebAssembly.Instance(module, { env: { abort } }).exports as E;
}
