import type { SignedCheckpoint } from '@understudy/tlog';

export interface Anchored {
  /** The newest checkpoint kept of the newest anchors; null where there is none. */
  readonly head: SignedCheckpoint | null;
  /** How often anchors began anew, each time because two people had accepted a restored database. */
  readonly restores: number;
}

/** What an anchor grows by. */
export interface Growth {
  readonly size: number;
  /** The signed checkpoint over so many leaves. */
  readonly note: string;
  /** Hashes of the leaves from the one of this index on, several in a chunk. */
  leavesFrom(index: number): AsyncIterable<Uint8Array>;
}

/** A place outside the database that keeps checkpoints and the leaf hashes they vouch for. */
export interface AnchorStore {
  /** What was seen there is taken for what is there for so long, and the timer adds to it no more often. */
  readonly everyMs: number;

  /** @param near about how many entries the log has; only saves looking */
  look(near: number): Promise<Anchored>;

  /** Adds the leaves behind those that are vouched for, and then the checkpoint over them, each durable before the next. */
  grow(anchored: Anchored, growth: Growth): Promise<void>;

  /** Begins new anchors, the so manieth. Those before stay as they are. */
  beginAnew(restores: number, accepted: SignedCheckpoint): Promise<void>;
}

/** For Nest, which knows no interfaces. */
export const ANCHOR_STORE = Symbol('AnchorStore');
