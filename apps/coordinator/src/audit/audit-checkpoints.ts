import { Injectable } from '@nestjs/common';
import { type RouteOutput, UnderstudyError } from '@understudy/contracts';
import { consistencyProof, inclusionProof, merkleRoot, signCheckpoint } from '@understudy/tlog';
import { LogKey } from './log-key.js';
import { SequencerLoop } from './sequencer-loop.js';
import { TreeRepository } from './tree.repository.js';

type View = RouteOutput<'getAuditCheckpoint'>;

const hex = (hash: Uint8Array): string => Buffer.from(hash).toString('hex');

/** Signed heads of the log, and proofs under them. */
@Injectable()
export class AuditCheckpoints {
  constructor(
    private readonly key: LogKey,
    private readonly loop: SequencerLoop,
    private readonly tree: TreeRepository,
  ) {}

  /** Over every event that is committed by now. */
  async current(): Promise<View> {
    await this.loop.turn({ wait: true });
    return this.newest();
  }

  /** As it stands, whatever has no place yet. */
  async newest(): Promise<View> {
    const { verifierKey } = this.key;
    const newest = await this.tree.newest();
    if (newest === null) return { ...this.#empty(), verifierKey };
    const { size, root, at, note } = newest;
    return { size, rootHash: hex(root), at: at.toISOString(), note, verifierKey };
  }

  /** @throws UnderstudyError NOT_FOUND */
  async inclusion(eventId: string): Promise<RouteOutput<'getAuditProof'>> {
    const checkpoint = await this.current();
    const leaf = await this.tree.indexOf(eventId);
    if (leaf === null) throw new UnderstudyError('NOT_FOUND', 'There is no such event in the log.');
    const proof = await inclusionProof(leaf.index, checkpoint.size, this.tree.subtrees());
    return { index: leaf.index, leafHash: hex(leaf.hash), proof: proof.map(hex), checkpoint };
  }

  /** @throws UnderstudyError INVALID_REQUEST for a log that is longer than this one */
  async consistency(from: number): Promise<RouteOutput<'getAuditConsistency'>> {
    const checkpoint = await this.current();
    if (from > checkpoint.size) {
      throw new UnderstudyError('INVALID_REQUEST', `The log has ${checkpoint.size} entries; it never had ${from}.`);
    }
    const proof = await consistencyProof(from, checkpoint.size, this.tree.subtrees());
    return { from, proof: proof.map(hex), checkpoint };
  }

  #empty(): Omit<View, 'verifierKey'> {
    const root = merkleRoot([]);
    const note = signCheckpoint({ origin: this.key.origin, size: 0, root }, this.key.privateKey);
    return { size: 0, rootHash: hex(root), at: new Date(0).toISOString(), note };
  }
}
