/**
 * Memory for numbers that nobody keeps: each call gives the same memory, grown where it is too small, its contents left as they
 * are. Large arrays made anew for every frame are most of what a garbage collector has to do.
 */
export function reusable(): (length: number) => Float32Array {
  let memory = new Float32Array(0);
  return (length) => {
    if (memory.length < length) memory = new Float32Array(Math.ceil(length * 1.25));
    return memory.subarray(0, length);
  };
}
