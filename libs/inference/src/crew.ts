import type { Provider } from './session.js';

/** Each computing thread holds the models once more: beyond these, a network gets several threads. */
const MOST_COMPUTING = 4;

/**
 * How a lane shares its threads out: how many compute, each a frame of its own, and how many work inside one operator of the
 * networks of each. A card computes for one thread at a time.
 */
export function crewOf({ provider, threads }: { readonly provider: Provider; readonly threads: number }): {
  readonly size: number;
  readonly threads: number;
} {
  const size = provider === 'cpu' ? Math.min(threads, MOST_COMPUTING) : 1;
  return { size, threads: Math.max(1, Math.floor(threads / size)) };
}
