import { Inject, Injectable } from '@nestjs/common';
import type { RouteOutput } from '@understudy/contracts';
import { MerkleAccumulator } from '@understudy/tlog';
import { type Clock, CLOCK } from '../platform/tokens.js';
import { AuditRepository } from './audit.repository.js';

/** Size and root of the log up to a moment before which nothing is still to be written. */
@Injectable()
export class AuditCheckpoints {
  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly events: AuditRepository,
  ) {}

  async current(): Promise<RouteOutput<'getAuditCheckpoint'>> {
    const newest = await this.events.settled();
    const log = new MerkleAccumulator();
    for await (const leaf of this.events.leaves(newest)) log.append(leaf);
    return {
      size: log.size,
      rootHash: Buffer.from(log.root()).toString('hex'),
      at: this.clock.now().toISOString(),
    };
  }
}
